/// Everything that is wrong with a configuration, for all stages that it is meant for.
package struct ConfigurationCheck {
    /// Mistakes first where they stand in the file, in its order; what stands elsewhere after them.
    package let mistakes: [Mistake]
    /// The stages that were looked at.
    package let stages: [StageKind]
    /// How many keys the file sets for them.
    package let keys: Int

    /// Checks.
    ///
    /// - Parameter stages: those that are meant to run with it; where none is named, the ones that the file has sections for, and
    ///   with no section all.
    package init(_ file: SettingsFile, variables: Variables, stages: [StageKind] = []) {
        let inFile = StageKind.allCases.filter { file.sections[$0] != nil }
        let stages = !stages.isEmpty ? stages : inFile.isEmpty ? StageKind.allCases : inFile
        self.stages = stages
        let choices = stages.map { StageChoices($0, file: file, variables: variables) }
        keys = file.entries.count { $0.section.map { stages.contains($0) } ?? true }
        // What is wrong at the file's top every stage says.
        var seen: Set<Mistake> = []
        let all = (choices.flatMap(\.mistakes) + Contradictions(choices).mistakes).filter { seen.insert($0).inserted }
        mistakes = all.enumerated().sorted { ($0.element.place.rank, $0.offset) < ($1.element.place.rank, $1.offset) }
            .map(\.element)
    }

    /// Whether stages can start with it.
    package var isRight: Bool { mistakes.allSatisfy(\.isRemark) }
}

extension Place {
    /// The line, or behind all lines.
    fileprivate var rank: Int {
        switch self {
        case .line(_, let line, _): line
        case .file: 0
        default: Int.max
        }
    }
}
