internal import Foundation

extension SettingsFile {
    /// What the file chooses for a stage, and what is wrong with the keys that count for it.
    func choices(for schema: StageSchema) -> (choices: [Choice], mistakes: [Mistake]) {
        var choices: [Choice] = []
        var mistakes: [Mistake] = []
        for entry in entries where entry.section == nil || entry.section == schema.stage {
            let setting = entry.section == nil ? StageSchema.shared.first { $0.name == entry.key } : schema[entry.key]
            guard let setting else {
                mistakes.append(Mistake(entry.place, key: entry.name, objection(toKeyOf: entry)))
                continue
            }
            // What counts for all stages counts for those that have it, as each declares it.
            guard let own = schema[setting.name] else { continue }
            do throws(Mistake) {
                choices.append(
                    Choice(
                        setting: own, values: try values(of: entry, own),
                        layer: entry.section == nil ? .top : .section, place: entry.place, name: entry.name))
            } catch {
                mistakes.append(error)
            }
        }
        return (choices, mistakes)
    }

    /// Why a key is none, and which one may be meant.
    private func objection(toKeyOf entry: Entry) -> String {
        let owners = StageKind.allCases.filter { StageSchema.of($0)[entry.key] != nil }
        if let section = entry.section {
            if let owner = owners.first {
                return "section \(section.rawValue) has no such key; it is one of section \(owner.rawValue)"
            }
            let names = StageSchema.of(section).settings.map(\.name)
            if let near = nearest(to: entry.key, among: names) { return "unknown key; did you mean \(near)?" }
            return "unknown key; `\(section.program) --help` lists those of section \(section.rawValue)"
        }
        if !owners.isEmpty {
            return "this key belongs into a section: \(owners.map(\.rawValue).joined(separator: ", "))"
        }
        let shared = StageSchema.shared.map(\.name)
        let sections = StageKind.allCases.map(\.rawValue)
        if let near = nearest(to: entry.key, among: shared + sections) { return "unknown key; did you mean \(near)?" }
        for section in StageKind.allCases {
            let names = StageSchema.of(section).settings.map(\.name)
            if let near = nearest(to: entry.key, among: names) {
                return "unknown key; did you mean \(near), in section \(section.rawValue)?"
            }
        }
        return """
            unknown key; at the top are the sections \(sections.joined(separator: ", ")), and for all stages \
            \(shared.joined(separator: ", "))
            """
    }

    /// The values of a key as the command line would have them.
    private func values(of entry: Entry, _ setting: Setting) throws(Mistake) -> [String] {
        switch entry.value {
        case .unfit(let place, let why): throw Mistake(place, key: entry.name, why)
        case .scalar(let scalar): return [try value(scalar, of: entry, setting)]
        case .list(let scalars):
            guard setting.isList else { throw Mistake(entry.place, key: entry.name, "takes one value, not a list") }
            guard !scalars.isEmpty || setting.defaultValue == nil else {
                throw Mistake(
                    entry.place, key: entry.name,
                    "the list is empty; leave the key out for \(setting.defaultValue ?? "")")
            }
            var values: [String] = []
            for scalar in scalars { values.append(try value(scalar, of: entry, setting)) }
            return values
        }
    }

    private func value(_ scalar: Scalar, of entry: Entry, _ setting: Setting) throws(Mistake) -> String {
        guard !scalar.isNothing else {
            throw Mistake(
                entry.place, key: entry.name,
                "has no value; give it one, or leave the key out for "
                    + (setting.defaultValue.map { "the default, \($0)" } ?? "the default"))
        }
        let text = setting.kind == .flag && !scalar.isQuoted ? scalar.text.lowercased() : scalar.text
        if let objection = setting.objection(to: text) { throw Mistake(scalar.place, key: entry.name, objection) }
        switch setting.kind {
        case .path: return absolute(text)
        case .endpointOrFile where text.hasPrefix("file:") && text.count > 5:
            return "file:" + absolute(text.dropFirst(5))
        default: return text
        }
    }

    /// A path of the file, from the file's folder on; `none` and `system` are words that some paths may be.
    private func absolute(_ path: some StringProtocol) -> String {
        let path = String(path)
        if path.hasPrefix("/") || ["none", "system"].contains(path) { return path }
        if path == "~" || path.hasPrefix("~/") {
            return FileManager.default.homeDirectoryForCurrentUser.path + path.dropFirst()
        }
        return folder.appending(path: path).standardized.path(percentEncoded: false)
    }
}
