import ArgumentParser
import Settings
import Testing

/// What is read from the declarations of the options.
struct SchemaTests {
    @Test(arguments: StageKind.allCases)
    func `every setting is known by its option`(_ stage: StageKind) throws {
        let schema = StageSchema.of(stage)
        #expect(schema.settings.count > 8)
        for setting in schema.settings {
            #expect(schema[setting.name] == setting)
            #expect(schema.setting(named: "--\(setting.name)") == setting)
            #expect(!setting.help.isEmpty, "\(setting.name)")
            // A default is a value of its kind, or its kind is wrong.
            for value in setting.isList ? [] : [setting.defaultValue].compactMap({ $0 }) where setting.kind != .flag {
                #expect(setting.objection(to: value) == nil, "\(setting.name)")
            }
        }
    }

    @Test func `kinds come from the types of the options`() {
        let kinds: [(StageKind, String, Setting.Kind)] = [
            (.ingest, "window-frames", .integer), (.ingest, "drain-seconds", .number), (.ingest, "spool", .path),
            (.ingest, "payload", .word(["jpeg", "rgb"])), (.ingest, "default-delivery", .word(["live", "lossless"])),
            (.ingest, "subscribe-without-keys", .flag), (.ingest, "bind-push", .endpoint), (.ingest, "keys", .path),
            (.infer, "decode-threads", .integer), (.infer, "max-wait-ms", .number), (.infer, "models", .path),
            (.infer, "engine", .word(["blazepose", "hmr2", "none"])), (.sink, "keep-frames", .bytes),
            (.sink, "store", .path), (.gateway, "job-timeout", .number), (.gateway, "api-keys", .path),
            (.gateway, "max-body", .integer), (.gateway, "video-root", .path), (.gateway, "preview", .endpoint),
            (.ingest, "infer", .endpointOrFile), (.gateway, "bind-http", .text),
        ]
        for (stage, name, kind) in kinds { #expect(StageSchema.of(stage)[name]?.kind == kind, "\(stage) \(name)") }
        #expect(StageSchema.of(.ingest)["subscribe"]?.isList == true)
        #expect(StageSchema.of(.ingest)["window-frames"]?.isList == false)
        #expect(StageSchema.of(.ingest)["window-frames"]?.defaultValue == "256")
    }

    @Test func `what is no setting is none`() {
        for name in ["help", "config", "check-health"] { #expect(StageSchema.of(.ingest)[name] == nil) }
        // Hidden: a fault that tests ask for.
        #expect(StageSchema.of(.infer)["inject-fault"] == nil)
    }

    @Test func `shared settings are those of ingest, infer and sink`() {
        let names = Set(StageSchema.shared.map(\.name))
        #expect(names.isSuperset(of: ["keys", "key", "anyone-may-connect", "stuck", "log-level"]))
        #expect(names.isDisjoint(with: ["engine", "infer", "max-pixels"]))
        #expect(names.isDisjoint(with: StageKind.allCases.map(\.rawValue)))
    }

    @Test func `no setting is called as a variable that Kubernetes sets`() {
        for stage in StageKind.allCases {
            for setting in StageSchema.of(stage).settings {
                #expect(!Variables.isOfKubernetes(Variables.name(setting, of: stage)), "\(setting.name)")
            }
        }
    }

    @Test func `links between stages name settings that there are`() {
        for link in Contradictions.links {
            #expect(StageSchema.of(link.from.0)[link.from.1] != nil, "\(link)")
            #expect(StageSchema.of(link.to.0)[link.to.1] != nil, "\(link)")
        }
    }
}
