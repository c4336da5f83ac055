import Foundation
import Settings
import Testing

/// What a stage says about a file that is wrong.
struct FileTests {
    private func mistakes(_ text: String, _ stage: StageKind = .ingest) -> [String] {
        StageChoices(stage, file: SettingsFile(text, path: "p.yaml")).mistakes.map(\.description)
    }

    @Test(arguments: [
        "", "\n\n", "# nothing\n", "---\nlog-level: debug\n", "ingest:\n", "ingest: {}\n",
        "ingest:\n  # window-frames: 3\n",
        "ingest: {window-frames: 3}\n", "ingest:\n  infer: tcp://a:1\n  subscribe: []\n", "sink:\n  unknown: 3\n",
        "log-level: \"debug\"\r\ningest:\r\n  payload: rgb\r\n", "%YAML 1.1\n---\ningest:\n  payload: 'rgb'\n",
        "ingest:\n  subscribe-without-keys: False\n  bind-push: 'tcp://*:5550'\n  spool-bytes: 5000000000\n",
    ])
    func `these files are right`(_ text: String) {
        #expect(mistakes(text).isEmpty)
    }

    @Test(arguments: [
        ("ingest:\n  window-frame: 3\n", "p.yaml:2:3: ingest.window-frame: unknown key; did you mean window-frames?"),
        ("ingest:\n  window_frames: 3\n", "p.yaml:2:3: ingest.window_frames: unknown key; did you mean window-frames?"),
        ("ingest:\n  windowFrames: 3\n", "p.yaml:2:3: ingest.windowFrames: unknown key; did you mean window-frames?"),
        (
            "ingest:\n  zebra: 3\n",
            "p.yaml:2:3: ingest.zebra: unknown key; `posebus-ingest --help` lists those of section ingest"
        ),
        (
            "ingest:\n  keep-frames: 2G\n",
            "p.yaml:2:3: ingest.keep-frames: section ingest has no such key; it is one of section sink"
        ),
        ("window-frames: 3\n", "p.yaml:1:1: window-frames: this key belongs into a section: ingest"),
        ("ingset:\n  window-frames: 3\n", "p.yaml:1:1: ingset: unknown key; did you mean ingest?"),
        ("log-levl: debug\n", "p.yaml:1:1: log-levl: unknown key; did you mean log-level?"),
        ("bind-rekwest: a\n", "p.yaml:1:1: bind-rekwest: unknown key; did you mean bind-request, in section ingest?"),
        ("ingest:\n  window-frames: many\n", "p.yaml:2:18: ingest.window-frames: \"many\" is not a whole number"),
        ("ingest:\n  window-frames: 2.5\n", "p.yaml:2:18: ingest.window-frames: \"2.5\" is not a whole number"),
        ("ingest:\n  drain-seconds: .inf\n", "p.yaml:2:18: ingest.drain-seconds: \".inf\" is not a number"),
        ("ingest:\n  payload: jpg\n", "p.yaml:2:12: ingest.payload: \"jpg\" is none of jpeg, rgb; did you mean jpeg?"),
        (
            "ingest:\n  subscribe-without-keys: yes\n",
            "p.yaml:2:27: ingest.subscribe-without-keys: \"yes\" is neither true nor false"
        ),
        ("ingest:\n  window-frames: [3]\n", "p.yaml:2:3: ingest.window-frames: takes one value, not a list"),
        (
            "ingest:\n  window-frames: {a: 3}\n",
            "p.yaml:2:18: ingest.window-frames: a value is expected, not further keys"
        ),
        (
            "ingest:\n  infer: [[tcp://a:1]]\n",
            "p.yaml:2:11: ingest.infer: a list of values is expected, not of lists or keys"
        ),
        (
            "ingest:\n  infer: []\n",
            "p.yaml:2:3: ingest.infer: the list is empty; leave the key out for tcp://127.0.0.1:5560"
        ),
        (
            "ingest:\n  window-frames:\n",
            "p.yaml:2:3: ingest.window-frames: has no value; give it one, or leave the key out for the default, 256"
        ),
        (
            "ingest:\n  spool: null\n",
            "p.yaml:2:3: ingest.spool: has no value; give it one, or leave the key out for the default"
        ),
        (
            "ingest: 3\n",
            """
            p.yaml:1:1: ingest: is a section: keys of posebus-ingest belong below it, indented, such as bind-push: \
            tcp://127.0.0.1:5550
            """
        ),
        ("- 3\n", "p.yaml:1:1: the file has to consist of keys with values, such as log-level: debug"),
        ("[a, b]: 3\n", "p.yaml:1:1: a key is a word, not a list or further keys"),
        (
            "ingest:\n  window-frames: 0\n",
            "p.yaml:2:3: ingest.window-frames: is 0; it must be at least 1."
        ),
        ("ingest:\n\twindow-frames: 3\n", "p.yaml:2:1: a tab; indent with spaces"),
        ("log-level: debug\nlog-level: info\n", "p.yaml:2:1: log-level is given again; line 1 has it already"),
        (
            "ingest:\n  payload: rgb\n  # a\n  \"payload\": jpeg\n",
            "p.yaml:4:3: payload is given again; line 2 has it already"
        ),
        ("ingest: {payload: rgb, payload: rgb}\n", "p.yaml:1:10: payload is given more than once"),
        (
            "log-level: debug\n---\nlog-level: info\n",
            "p.yaml:2:1: a second document begins here; the file has to be one"
        ),
        ("log-level: !secret a\n", "p.yaml:1:12: tags (\"!secret\") are not read here; leave it out"),
        (
            "ingest: &all\n  payload: rgb\ninfer: *all\n",
            "p.yaml:3:8: aliases (*all) are not read here; write values out"
        ),
        (
            "ingest:\n  bind-push: tcp://a: 3\n",
            "p.yaml:2:21: a colon where none can be: the line is indented too far, or the value needs quotes"
        ),
        ("ingest:\n  payload: @a\n", "p.yaml:2:12: a value cannot begin with @; put it into quotes"),
        (
            "ingest:\n  payload rgb\n  spool: a\n",
            "p.yaml:3:8: a colon where none can be: the line is indented too far, or the value needs quotes"
        ),
        ("ingest:\n  bind-push: *:5550\n", "p.yaml:2:14: a value cannot begin with *; put it into quotes"),
        ("ingest:\n  spool: \"a\n  payload: rgb\n", "p.yaml:2:10: the quote that begins here is never closed"),
        (
            "ingest:\n  infer: [tcp://a:1\n  payload: rgb\n",
            "p.yaml:2:10: what begins here is never closed, or a comma is missing in it"
        ),
        ("ingest:\n  payload: rgb\nsink\n", "p.yaml:3:1: a key without a colon and a space after it"),
        (
            "ingest:\n  spool: \"C:\\dir\"\n",
            "p.yaml:2:13: a backslash in double quotes begins something else; use single quotes"
        ),
        (
            "ingest:\n  window-bytes: 64M\n",
            "p.yaml:2:17: ingest.window-bytes: \"64M\" is not a whole number; write 67108864"
        ),
        (
            "ingest:\n  bind-push: 127.0.0.1:5550\n",
            "p.yaml:2:14: ingest.bind-push: \"127.0.0.1:5550\" is no endpoint; it has to look like tcp://HOST:PORT or ipc://PATH"
        ),
        (
            "ingest:\n  acks: tcp://a:1, tcp://b:2\n",
            """
            p.yaml:2:9: ingest.acks: "tcp://a:1, tcp://b:2" is no endpoint; several are a list: [tcp://a:5560, tcp://b:5560]
            """
        ),
        ("infer: &a\n", "p.yaml:1:8: anchors (&a) are not read here; write values out"),
        ("ingest:\n\t# a\n  payload: rgb\n", "p.yaml:2:1: a tab; indent with spaces"),
        ("log-level: \u{1}\n", "p.yaml:1:12: control characters are not allowed (U+1)"),
    ])
    func `each mistake is said with its place`(_ text: String, _ mistake: String) {
        #expect(mistakes(text) == [mistake])
    }

    @Test func `all mistakes are said at once`() {
        let text = """
            log-levl: debug
            ingest:
              window-frames: 0
              payload: jpg
              zebra: 1
              spool: /a
              spool-bytes: 5
              max-streams: -1
              max-streams: 4
              drain-seconds: -1
            """
        let lines = mistakes(text).map { $0.split(separator: ":")[1] }
        #expect(Set(lines) == ["1", "3", "4", "5", "7", "8", "9", "10"])
    }

    @Test func `a mistake that two keys make names both`() {
        let both = "ingest:\n  keys: /k\n  anyone-may-connect: true\n"
        #expect(
            mistakes(both) == [
                """
                p.yaml:2:3: ingest.keys: anyone-may-connect contradicts keys: with keys only known ones are let in (with \
                ingest.anyone-may-connect at p.yaml:3)
                """
            ])
        let open = "gateway:\n  bind-http: 0.0.0.0:5000\n"
        #expect(mistakes(open, .gateway).count == 1)
        #expect(
            mistakes(open, .gateway).first?.hasPrefix("p.yaml:2:3: gateway.bind-http: 0.0.0.0:5000: other")
                == true)
        #expect(mistakes(open + "  api-keys: a\n", .gateway).isEmpty)
    }

    @Test func `what cannot be a file is refused`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func words(_ path: String) -> String {
            do throws(Mistakes) {
                _ = try SettingsFile(path: path)
                return ""
            } catch {
                return error.all.map { $0.description.replacing(folder.path, with: "") }.joined()
            }
        }
        func write(_ bytes: some Sequence<UInt8>) throws -> String {
            let file = folder.appending(path: "file")
            try Data(bytes).write(to: file)
            return file.path
        }
        #expect(words("\(folder.path)/none").hasPrefix("/none: cannot be read: there is no such file"))
        #expect(words(folder.path).contains("is a folder; name the file in it"))
        #expect(words("/dev/zero") == "/dev/zero: is no regular file")
        #expect(words(try write(repeatElement(10, count: SettingsFile.maxBytes))).isEmpty)
        #expect(words(try write(repeatElement(10, count: SettingsFile.maxBytes + 1))).contains("larger than 256 kB"))
        #expect(
            words(try write(Array("a: b\nc: \u{e9}".utf8.dropLast())))
                == "/file:2:4: a byte that is no UTF-8; save the file as UTF-8")
        // As Windows' editors save it.
        #expect(words(try write([0xFF, 0xFE, 0x61, 0])).contains("no UTF-8"))
        #expect(words(try write([0xEF, 0xBB, 0xBF] + Array("log-level: debug".utf8))).isEmpty)
    }

    @Test(arguments: [
        String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
        String(repeating: "{a: ", count: 50_000), "a: \"" + String(repeating: "x", count: 200_000),
        String(repeating: "? ", count: 100_000), String(repeating: "a: b\n", count: 50_000),
        (0..<30).map { "a\($0): &a\($0) [*a\(max(0, $0 - 1)), *a\(max(0, $0 - 1))]\n" }.joined(),
        "ingest:\n  infer: [" + String(repeating: "a,", count: 100_000) + "]", String(repeating: "!", count: 200_000),
        String(repeating: "\t", count: 200_000) + "a",
        "ingest:\n  spool: \"" + String(repeating: "\\u0000", count: 20_000) + "\"",
    ])
    func `hostile files end in a sentence`(_ text: String) {
        let all = mistakes(text)
        #expect(!all.isEmpty)
        #expect(all.count <= 21)
        #expect(all.allSatisfy { $0.count < 600 }, "\(all.map(\.count))")
    }

    @Test func `damaged files never end the process`() {
        var random = SplitMix(state: 7)
        let seed = Array(
            "log-level: debug\ningest:\n  infer: [tcp://a:1, 'b']\n  payload: \"rgb\"\n  # c\nsink: {store: a}\n".utf8)
        for _ in 0..<2000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = "\t\n\r :-?[]{}&*!|>'\"%@`#,\\~".utf8.randomElement(using: &random) ?? 0
                case 1: bytes.insert(UInt8.random(in: 1..<127, using: &random), at: at)
                default: bytes.removeSubrange(at..<min(bytes.count, at + 3))
                }
                if bytes.isEmpty { bytes = seed }
            }
            _ = SettingsFile(String(decoding: bytes, as: UTF8.self), path: "p.yaml")
        }
    }
}

/// The same numbers in every run (SplitMix64).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
