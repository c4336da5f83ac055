internal import ArgumentParser
internal import Foundation
internal import Stage

/// Everything that can be chosen about one stage, read from the declarations of its options.
package struct StageSchema: Sendable {
    /// Options that do something instead of choosing something, and the one that names the file.
    static let actions: Set = ["config", "check-health", "help", "version"]
    /// Options for endpoints that have no default by which they could be known.
    static let endpoints: Set = ["subscribe", "preview"]

    package let stage: StageKind
    /// In the order of the declarations.
    package let settings: [Setting]
    private let byName: [String: Setting]
    private let byWord: [String: Setting]

    /// The schema of each stage.
    package static let all = Dictionary(uniqueKeysWithValues: StageKind.allCases.map { ($0, StageSchema($0)) })

    /// The schema of a stage.
    package static func of(_ stage: StageKind) -> StageSchema { all[stage] ?? StageSchema(stage) }

    /// The names that count for every stage when they stand at the file's top: those that ingest, infer and sink all have.
    package static let shared: [Setting] = {
        let others = [StageKind.infer, .sink].map(of)
        return of(.ingest).settings.filter { setting in others.allSatisfy { $0[setting.name] != nil } }
    }()

    init(_ stage: StageKind) {
        self.stage = stage
        settings = Self.declared(by: stage.options)
        byName = Dictionary(uniqueKeysWithValues: settings.map { ($0.name, $0) })
        byWord = Dictionary(uniqueKeysWithValues: settings.flatMap { setting in setting.words.map { ($0, setting) } })
    }

    /// The setting with this name.
    package subscript(name: String) -> Setting? { byName[name] }

    /// The setting that a word of the command line names, such as `--window-frames`.
    package func setting(named word: some StringProtocol) -> Setting? { byWord[String(word)] }

    /// What ArgumentParser says about the options, with the types that it leaves out.
    private static func declared(by options: any ParsableArguments.Type) -> [Setting] {
        guard let dump = try? JSONDecoder().decode(HelpDump.self, from: Data(options._dumpHelp().utf8)) else {
            preconditionFailure("ArgumentParser describes options in another form than this program reads")
        }
        // The dump and the mirror walk the same properties in the same order; help comes last, from ArgumentParser.
        let described = dump.command.arguments.filter { $0.names?.contains { $0.name == "help" } != true }
        let types = valueTypes(of: options)
        precondition(described.count == types.count, "\(options) declares more than options, flags and groups")
        return zip(described, types).compactMap { argument, type in
            guard argument.shouldDisplay, let name = argument.longName, !actions.contains(name) else { return nil }
            return Setting(
                name: name, words: argument.words, kind: argument.settingKind(type), isList: argument.isRepeating,
                defaultValue: argument.defaultValue, help: argument.abstract ?? "", discussion: argument.discussion,
                heading: argument.sectionTitle, valueName: argument.valueName ?? name)
        }
    }
}

/// The parts of ArgumentParser's description of a command that are read here (`--experimental-dump-help`).
private struct HelpDump: Decodable {
    struct Command: Decodable {
        let arguments: [Argument]
    }

    struct Name: Decodable {
        let kind: String
        let name: String
    }

    /// Which completion it names: `directory`, `file` or another.
    struct Completion: Decodable {
        let name: String?

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            name = try decoder.container(keyedBy: Key.self).allKeys.first?.stringValue
        }
    }

    struct Argument: Decodable {
        let kind: String
        let shouldDisplay: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let allValues: [String]?
        let completionKind: Completion?
        let abstract: String?
        let discussion: String?
        let sectionTitle: String?

        var longName: String? { names?.first { $0.kind == "long" }?.name }

        var words: [String] { (names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name } }

        func settingKind(_ type: Any.Type) -> Setting.Kind {
            if kind == "flag" { return .flag }
            if let allValues, !allValues.isEmpty { return .word(allValues) }
            if ["directory", "file"].contains(completionKind?.name) { return .path }
            if defaultValue?.hasPrefix("tcp://") == true || StageSchema.endpoints.contains(longName ?? "") {
                return isRepeating && longName == "infer" ? .endpointOrFile : .endpoint
            }
            return switch type {
            case is Int.Type, is Int?.Type, is [Int].Type: .integer
            case is Double.Type, is Double?.Type, is [Double].Type: .number
            case is ByteCount.Type, is ByteCount?.Type: .bytes
            default: .text
            }
        }
    }

    let command: Command
}

/// The types of the values of all options and flags, in the order of their declarations.
private func valueTypes(of options: any ParsableArguments.Type) -> [Any.Type] {
    Mirror(reflecting: options.init()).children.flatMap { property -> [Any.Type] in
        switch type(of: property.value) {
        case let group as any DeclaredGroup.Type: valueTypes(of: group.options)
        case let option as any DeclaredValue.Type: [option.valueType]
        default: []
        }
    }
}

private protocol DeclaredValue {
    static var valueType: Any.Type { get }
}

private protocol DeclaredGroup {
    static var options: any ParsableArguments.Type { get }
}

extension Option: DeclaredValue {
    fileprivate static var valueType: Any.Type { Value.self }
}

extension Flag: DeclaredValue {
    fileprivate static var valueType: Any.Type { Value.self }
}

extension OptionGroup: DeclaredGroup {
    fileprivate static var options: any ParsableArguments.Type { Value.self }
}
