import Foundation
import Settings
import Testing

/// Which of several words counts, and where it comes from.
struct LayerTests {
    private let file = SettingsFile(
        """
        log-level: debug
        keys: keys
        ingest:
          log-level: trace
          infer: [tcp://a:1, tcp://b:2]
          spool: ../spool
          subscribe-without-keys: true
          payload: rgb
        """, path: "/etc/posebus/posebus.yaml")

    private func choices(
        _ stage: StageKind = .ingest, _ variables: [String: String] = [:], _ words: [String] = []
    ) -> StageChoices {
        let choices = StageChoices(stage, file: file, variables: Variables(variables), words: words)
        #expect(choices.mistakes.isEmpty, "\(choices.mistakes)")
        return choices
    }

    @Test func `section over top`() {
        #expect(choices(.ingest).value("log-level") == "trace")
        #expect(choices(.ingest).place("log-level").short == "/etc/posebus/posebus.yaml:4")
        #expect(choices(.sink).value("log-level") == "debug")
        #expect(choices(.sink).value("store") == "posebus.sqlite")
        #expect(choices(.sink).place("store") == .nowhere)
    }

    @Test func `variables over the file, the stage's own over shared ones`() {
        let shared = ["POSEBUS_LOG_LEVEL": "error"]
        #expect(choices(.ingest, shared).value("log-level") == "error")
        #expect(choices(.ingest, shared).place("log-level") == .variable("POSEBUS_LOG_LEVEL"))
        let own = shared.merging(["POSEBUS_INGEST_LOG_LEVEL": "warning"]) { $1 }
        #expect(choices(.ingest, own).value("log-level") == "warning")
        #expect(choices(.sink, own).value("log-level") == "error")
    }

    @Test func `the command line over all`() {
        let words = ["--log-level", "critical", "--payload=jpeg"]
        let all = choices(.ingest, ["POSEBUS_INGEST_LOG_LEVEL": "warning"], words)
        #expect(all.value("log-level") == "critical")
        #expect(all.place("log-level") == .word("--log-level"))
        #expect(all.value("payload") == "jpeg")
        #expect(all.arguments.filter { $0.hasPrefix("--log-level") } == ["--log-level"])
        #expect(all.arguments.suffix(3) == words)
    }

    @Test func `a higher layer's list takes the place of a lower one's`() {
        #expect(choices().values("infer") == ["tcp://a:1", "tcp://b:2"])
        #expect(
            choices(.ingest, ["POSEBUS_INGEST_INFER": "tcp://c:3, tcp://d:4"]).values("infer") == [
                "tcp://c:3", "tcp://d:4",
            ])
        let line = choices(.ingest, [:], ["--infer", "tcp://e:5", "--infer=tcp://f:6"])
        #expect(line.values("infer") == ["tcp://e:5", "tcp://f:6"])
        #expect(!line.arguments.contains("--infer=tcp://a:1"))
    }

    @Test func `a higher layer takes a flag back`() {
        #expect(choices().isOn("subscribe-without-keys"))
        #expect(choices().arguments.contains("--subscribe-without-keys"))
        #expect(!choices(.ingest, ["POSEBUS_INGEST_SUBSCRIBE_WITHOUT_KEYS": "FALSE"]).isOn("subscribe-without-keys"))
        let line = choices(.ingest, [:], ["--subscribe-without-keys=false"])
        #expect(!line.isOn("subscribe-without-keys"))
        #expect(!line.arguments.contains { $0.hasPrefix("--subscribe-without-keys") })
    }

    @Test func `relative paths start from the file's folder`() {
        #expect(choices().value("spool") == "/etc/spool")
        #expect(choices().value("keys") == "/etc/posebus/keys")
        let ingest = StageChoices(
            .ingest, file: SettingsFile("ingest: {infer: [file:gpus, file:/run/gpus, tcp://a:1]}", path: "/x/p.yaml"))
        #expect(ingest.values("infer") == ["file:/x/gpus", "file:/run/gpus", "tcp://a:1"])
        #expect(choices(.ingest, ["POSEBUS_INGEST_SPOOL": "here"]).value("spool") == "here")
        let lists = SettingsFile("ingest: {infer: [\"file:infers\", \"file:/infers\"]}", path: "/x/p.yaml")
        #expect(StageChoices(.ingest, file: lists).values("infer") == ["file:/x/infers", "file:/infers"])
        let infer = StageChoices(
            .infer, file: SettingsFile("infer: {phalp-dir: none, models: ~/models, hmr2-dir: a b/ü}", path: "/x/p.yaml")
        )
        #expect(infer.value("phalp-dir") == "none")
        #expect(infer.value("models") == FileManager.default.homeDirectoryForCurrentUser.path + "/models")
        #expect(infer.value("hmr2-dir") == "/x/a b/ü")
    }

    @Test func `values that begin with a dash are values`() {
        let file = SettingsFile("gateway: {state: /-a, engine: --help}", path: "/x/p.yaml")
        let gateway = StageChoices(.gateway, file: file)
        #expect(gateway.mistakes.isEmpty)
        #expect(gateway.arguments.contains("--engine=--help"))
    }

    @Test(arguments: [
        ("POSEBUS_INGEST_WINDOW_FRAMES", "many", "$POSEBUS_INGEST_WINDOW_FRAMES: \"many\" is not a whole number"),
        (
            "POSEBUS_INGEST_WINDOW_FRAMES", "0",
            "$POSEBUS_INGEST_WINDOW_FRAMES: --window-frames is 0; it must be at least 1."
        ),
        (
            "POSEBUS_INGEST_WINDOW_FRAME", "1",
            "$POSEBUS_INGEST_WINDOW_FRAME: names no setting; did you mean POSEBUS_INGEST_WINDOW_FRAMES?"
        ),
        (
            "POSEBUS_INGEST_ZEBRA", "1",
            "$POSEBUS_INGEST_ZEBRA: names no setting; `posebus config show --stage ingest` lists them"
        ),
        ("POSEBUS_LOGLEVEL", "info", "$POSEBUS_LOGLEVEL: names no setting; did you mean POSEBUS_LOG_LEVEL?"),
        ("POSEBUS_STUCK", "maybe", "$POSEBUS_STUCK: \"maybe\" is none of log, exit"),
    ])
    func `mistakes in variables`(_ name: String, _ value: String, _ mistake: String) {
        let found = StageChoices(.ingest, variables: Variables([name: value])).mistakes
        #expect(found.map(\.description) == [mistake])
    }

    @Test(arguments: [
        "POSEBUS_INGEST_SERVICE_HOST", "POSEBUS_INGEST_SERVICE_PORT", "POSEBUS_INGEST_SERVICE_PORT_REQUEST",
        "POSEBUS_INGEST_PORT", "POSEBUS_INGEST_PORT_5551_TCP", "POSEBUS_INGEST_PORT_5551_TCP_PROTO",
        "POSEBUS_INGEST_PORT_5551_TCP_PORT", "POSEBUS_INGEST_PORT_5551_TCP_ADDR", "POSEBUS_INGEST_FEED_SERVICE_HOST",
        "POSEBUS_INGEST_FEED_PORT_5551_TCP_ADDR", "POSEBUS_INGEST_HEADLESS_PORT",
    ])
    func `what Kubernetes sets is no mistake`(_ name: String) {
        #expect(StageChoices(.ingest, variables: Variables([name: "tcp://10.0.0.1:5551"])).mistakes.isEmpty)
    }

    @Test func `other variables are nobody's business here`() {
        let others = [
            "POSEBUS_MODELS": "/m", "POSEBUS_SINK_ZEBRA": "1", "POSEBUS_INGEST_SPOOL": "", "INGEST_ZEBRA": "1",
            "POSEBUS_TORCH": "system", "POSEBUS_SUPERVISED": "1", "POSEBUS_BIN": "/b",
            "POSEBUS_STATUS_PORT": "tcp://10.0.0.1:1",
        ]
        let ingest = StageChoices(.ingest, variables: Variables(others))
        #expect(ingest.mistakes.isEmpty)
        #expect(ingest.choices.isEmpty)
    }

    @Test func `the command line's own mistakes are left to it`() {
        let wrong = StageChoices(.ingest, words: ["--window-frames", "0"])
        #expect(wrong.mistakes.isEmpty)
        #expect(wrong.objectionToCommandLine?.contains("at least 1") == true)
        // A contradiction between layers is the file's: its author is told which option it is.
        let mixed = StageChoices(.ingest, file: file, words: ["--anyone-may-connect"]).mistakes.map(\.description)
        #expect(mixed.count == 1)
        #expect(
            mixed.first?.hasPrefix("/etc/posebus/posebus.yaml:2:1: keys: --anyone-may-connect contradicts keys") == true
        )
    }

    @Test func `help is asked for, whatever the configuration`() {
        let schema = StageSchema.of(.ingest)
        #expect(CommandWords(["--payload", "rgb", "--help"], schema).asks)
        #expect(!CommandWords(["--payload", "rgb", "--", "--help"], schema).asks)
        #expect(CommandWords(["--config", "a.yaml"], schema).file == "a.yaml")
        #expect(CommandWords(["--config=b.yaml", "--infer", "x"], schema).file == "b.yaml")
    }
}
