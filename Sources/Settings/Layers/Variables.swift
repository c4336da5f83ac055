/// What the environment chooses.
package struct Variables: Sendable {
    private let all: [String: String]
    private static let prefix = "POSEBUS_"
    /// Names the file.
    package static let file = "POSEBUS_CONFIG"

    /// Variables; empty ones count as not set.
    package init(_ all: [String: String]) {
        self.all = all.filter { $0.key.hasPrefix(Self.prefix) && !$0.value.isEmpty }
    }

    /// The file that is named where the command line names none.
    package var file: String? { all[Self.file] }

    /// The variable of a stage's setting.
    package static func name(_ setting: Setting, of stage: StageKind) -> String {
        "\(prefix)\(stage.rawValue.uppercased())_\(setting.variable)"
    }

    /// The variable of a setting for all stages.
    package static func sharedName(_ setting: Setting) -> String { prefix + setting.variable }

    /// What they choose for a stage, and what is wrong with those that are meant for it.
    func choices(for schema: StageSchema) -> (choices: [Choice], mistakes: [Mistake]) {
        var choices: [Choice] = []
        var mistakes: [Mistake] = []
        func take(_ name: String, _ value: String, _ setting: Setting, _ layer: Choice.Layer) {
            let values = setting.isList ? value.split(separator: ",").map { String($0.trimmingSpaces) } : [value]
            let texts = setting.kind == .flag ? values.map { $0.lowercased() } : values
            if let objection = texts.lazy.compactMap({ setting.objection(to: $0) }).first {
                mistakes.append(Mistake(.variable(name), objection))
            } else {
                choices.append(
                    Choice(setting: setting, values: texts, layer: layer, place: .variable(name), name: "$\(name)"))
            }
        }
        for setting in StageSchema.shared {
            let name = Self.sharedName(setting)
            if let own = schema[setting.name], let value = all[name] { take(name, value, own, .sharedVariable) }
        }
        mistakes += typingErrors
        let known = Dictionary(uniqueKeysWithValues: schema.settings.map { (Self.name($0, of: schema.stage), $0) })
        let ours = "\(Self.prefix)\(schema.stage.rawValue.uppercased())_"
        for (name, value) in all.sorted(by: { $0.key < $1.key }) where name.hasPrefix(ours) {
            if let setting = known[name] {
                take(name, value, setting, .variable)
            } else if !Self.isOfKubernetes(name) {
                let near = nearest(to: String(name.dropFirst(ours.count)), among: schema.settings.map(\.name))
                let meant = near.flatMap { schema[$0] }.map { "; did you mean \(Self.name($0, of: schema.stage))?" }
                mistakes.append(
                    Mistake(
                        .variable(name),
                        "names no setting"
                            + (meant ?? "; `posebus config show --stage \(schema.stage.rawValue)` lists them")
                    ))
            }
        }
        return (choices, mistakes)
    }

    /// Variables that nobody has but that look like one for all stages. Others with our prefix are somebody else's matter.
    private var typingErrors: [Mistake] {
        let known = Set(StageSchema.shared.map(Self.sharedName) + [Self.file])
        let ofStages = StageKind.allCases.map { "\(Self.prefix)\($0.rawValue.uppercased())_" }
        return all.keys.sorted().compactMap { name in
            guard !known.contains(name), !Self.isOfKubernetes(name), !ofStages.contains(where: name.hasPrefix),
                let near = nearest(
                    to: String(name.dropFirst(Self.prefix.count)), among: StageSchema.shared.map(\.name)),
                let meant = StageSchema.shared.first(where: { $0.name == near })
            else { return nil }
            return Mistake(.variable(name), "names no setting; did you mean \(Self.sharedName(meant))?")
        }
    }

    /// Whether Kubernetes sets a variable of this name in every pod, for a service called `posebus-ingest` or the like: they
    /// say where that service is, in the form of Docker's links.
    package static func isOfKubernetes(_ name: String) -> Bool {
        let service = /.*_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)/
        return name.wholeMatch(of: service) != nil
    }
}

extension StringProtocol {
    fileprivate var trimmingSpaces: SubSequence {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
