internal import ArgumentParser
internal import Foundation
internal import Settings
internal import Stage

/// What file and environment say about the options that `posebus up` shares with its stages.
///
/// The stages read the file themselves; what `posebus up` tells them in any case, since it needs it too or has a default of
/// its own, it has to know from there as well.
enum UpSettings {
    /// The shared options, by the stage whose section has them.
    private static let shared: [(stage: StageKind, names: Set<String>)] = [
        (.ingest, ["keys", "spool"]),
        (
            .infer,
            [
                "engine", "models", "threads", "hmr2-dir", "phalp-dir", "device", "precision", "smooth",
                "focal-length",
            ]
        ),
        (.sink, ["store", "keep-frames"]),
    ]

    /// The command line of `posebus`, with what file and environment choose in front of the options of `posebus up`.
    ///
    /// - Throws: `Mistakes` with everything that would keep one of the stages from starting.
    static func complete(_ words: [String], variables: Variables) throws(Mistakes) -> [String] {
        guard words.first == "up" else { return words }
        var line = Array(words.dropFirst())
        let path = CommandWords(line, .of(.ingest)).file ?? variables.file
        let file = try path.map { path throws(Mistakes) in try SettingsFile(path: path) }
        let choices = StageKind.allCases.map { StageChoices($0, file: file, variables: variables) }
        var seen: Set<Mistake> = []
        let mistakes = choices.flatMap(\.mistakes).filter { seen.insert($0).inserted }
        var chosen: [String] = []
        for (stage, names) in shared {
            let given = CommandWords(line, .of(stage))
            if given.asks { return words }
            // `--smooth=false` is gone from them: what others have switched on is not put in front of them.
            line = given.words
            let own = Set(given.choices.map(\.setting.name))
            for choice in choices.lazy.filter({ $0.schema.stage == stage }).flatMap(\.choices.values)
            where names.contains(choice.setting.name) && !own.contains(choice.setting.name) {
                chosen += choice.arguments
            }
        }
        guard mistakes.isEmpty else { throw Mistakes(all: mistakes) }
        return ["up"] + chosen + line
    }
}
