import Foundation
import Settings
import Testing

/// What `posebus config check` finds beyond each stage's own mistakes, and what `config example` prints.
struct CheckTests {
    private func check(_ text: String, stages: [StageKind] = []) -> ConfigurationCheck {
        ConfigurationCheck(SettingsFile(text, path: "p.yaml"), variables: Variables([:]), stages: stages)
    }

    @Test(arguments: [
        (
            "ingest: {acks: tcp://127.0.0.1:6000}\nsink:\n", "p.yaml:1:10: ingest.acks: ",
            "sink.bind-acks is tcp://127.0.0.1:5572"
        ),
        (
            "ingest:\nsink:\n  bind-acks: tcp://127.0.0.1:6000\n", "p.yaml:3:3: ingest.acks: ",
            "sink.bind-acks is tcp://127.0.0.1:6000 (p.yaml:3)"
        ),
        (
            "infer: {sink: tcp://localhost:1}\nsink: {bind-outcomes: \"tcp://*:2\"}\n", "p.yaml:1:9: infer.sink: ",
            "(p.yaml:2)"
        ),
        ("ingest: {bind-push: \"tcp://*:5551\"}\n", "p.yaml:1:10: ingest.", "port 5551 is taken by"),
        (
            "infer: {forward-frames: false}\nsink: {keep-frames: 1G}\n", "p.yaml:2:8: sink.keep-frames: ",
            "forward-frames is off"
        ),
        (
            "ingest: {payload: rgb}\ninfer: {forward-frames: true}\nsink: {keep-frames: 1G}\n",
            "p.yaml:1:10: ingest.payload: ",
            "JPEGs only"
        ),
        ("ingest: {keys: k}\nsink:\n", "p.yaml:1:10: ingest.keys: ", "sink has no keys"),
    ])
    func `what does not fit together is said`(_ text: String, _ start: String, _ part: String) {
        let check = check(text)
        #expect(!check.isRight)
        #expect(check.mistakes.count == 1, "\(check.mistakes)")
        let mistake = check.mistakes.first?.description ?? ""
        #expect(mistake.hasPrefix(start), "\(mistake)")
        #expect(mistake.contains(part), "\(mistake)")
    }

    @Test(arguments: [
        "ingest: {acks: tcp://archive:5572}\nsink: {bind-acks: \"tcp://*:6000\"}\nkeys: k\n",
        "ingest: {acks: tcp://127.0.0.1:6000}\n", "ingest:\ninfer:\nsink:\ngateway:\n", "log-level: debug\n",
        "ingest: {infer: [tcp://127.0.0.1:1, tcp://127.0.0.1:5560]}\ninfer:\n",
        "sink: {bind-acks: \"tcp://127.0.0.1:*\"}\ningest:\n",
        "ingest: {infer: \"ipc:///run/a\"}\ninfer: {bind: \"ipc:///run/a\"}\n",
    ])
    func `what can be meant so is right`(_ text: String) {
        #expect(check(text).mistakes.isEmpty)
    }

    @Test func `remarks do not stop anybody`() {
        let remarks = check("ingest: {max-pixels: 50000000}\ninfer: {forward-frames: true}\nsink:\n")
        #expect(remarks.isRight)
        #expect(remarks.mistakes.map(\.place.short) == ["p.yaml:1", "p.yaml:2"])
        let one = check("ingest: {status: 127.0.0.1:1}\nsink: {status: 127.0.0.1:1}\n")
        #expect(
            one.mistakes.map(\.description) == [
                """
                p.yaml:2:8: remark: sink.status: port 1 is that of ingest.status too (p.yaml:1): both cannot run on one machine
                """
            ])
        #expect(one.isRight)
    }

    @Test func `only the stages that are asked for are looked at`() {
        let text = "ingest: {payload: jpg}\nsink: {store: []}\nzebra: 1\n"
        #expect(check(text).mistakes.map(\.place.short) == ["p.yaml:1", "p.yaml:2", "p.yaml:3"])
        #expect(check(text, stages: [.sink]).mistakes.map(\.place.short) == ["p.yaml:2", "p.yaml:3"])
        #expect(check(text, stages: [.sink]).stages == [.sink])
    }

    @Test func `the example changes nothing and is right with every key`() throws {
        #expect(check(ExampleFile.text).mistakes.isEmpty)
        #expect(check(ExampleFile.text).stages == StageKind.allCases)
        #expect(SettingsFile(ExampleFile.text, path: "p.yaml").entries.isEmpty)
        let keys = ExampleFile.text.split(separator: "\n").map { line in
            let content = line.drop { $0 == " " }
            let isKey = content.hasPrefix("#") && !content.hasPrefix("# ") && content.contains(": ")
            return isKey ? String(repeating: " ", count: line.count - content.count) + content.dropFirst() : ""
        }
        let whole = zip(ExampleFile.text.split(separator: "\n"), keys).map { $1.isEmpty ? String($0) : $1 }
        let uncommented = SettingsFile(whole.joined(separator: "\n"), path: "p.yaml")
        let names = Set(uncommented.entries.map { $0.section.map { "\($0.rawValue)." } ?? "" })
        #expect(names == ["", "ingest.", "infer.", "sink.", "gateway."])
        // Every setting is there, and its default is a value that it can have.
        for stage in StageKind.allCases {
            let keys = Set(uncommented.entries.filter { $0.section == stage || $0.section == nil }.map(\.key))
            #expect(keys.isSuperset(of: StageSchema.of(stage).settings.map(\.name)))
            let choices = StageChoices(stage, file: uncommented)
            let placeholders = choices.mistakes.filter { mistake in
                ["NUMBER", "ENDPOINT", "ADDRESS", "…"].contains { mistake.text.contains($0) }
            }
            #expect(choices.mistakes.count == placeholders.count, "\(choices.mistakes)")
            for setting in choices.schema.settings where setting.defaultValue != nil && setting.kind != .flag {
                guard setting.kind != .path else { continue }
                #expect(choices.value(setting.name) == setting.defaultValue, "\(setting.name)")
            }
        }
    }

    @Test func `the example is the one in deploy`() throws {
        let file = URL(filePath: #filePath).appending(path: "../../../deploy/posebus.yaml").standardized
        #expect(
            try String(contentsOf: file, encoding: .utf8) == ExampleFile.text,
            "run: posebus config example > deploy/posebus.yaml")
    }
}
