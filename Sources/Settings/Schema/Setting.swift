internal import Stage

/// One thing that can be chosen about a stage, as its option declares it.
package struct Setting: Sendable, Equatable {
    /// What a value has to be. What the words here cannot say, parsing the option says.
    package enum Kind: Sendable, Equatable {
        /// true or false.
        case flag
        /// A whole number.
        case integer
        /// A number, with a fraction or without.
        case number
        /// A number of bytes, with a unit or without.
        case bytes
        /// One of these.
        case word([String])
        /// A file or folder.
        case path
        /// What a socket binds or connects to.
        case endpoint
        /// Such an endpoint, or `file:` and a file that lists some. The option judges it.
        case endpointOrFile
        /// Anything.
        case text
    }

    /// The long name of its option without the dashes: the key in the file.
    package let name: String
    /// Every word by which the command line names it, such as `--window-frames`.
    package let words: [String]
    package let kind: Kind
    /// Whether its option may be repeated: the file may hold a list.
    package let isList: Bool
    /// What holds where nobody says anything; nil where the help says it, or nothing does.
    package let defaultValue: String?
    /// What its option's help says.
    package let help: String
    package let discussion: String?
    /// The heading under which the help lists it.
    package let heading: String?
    /// What the help calls its value.
    package let valueName: String

    /// Its name in variables, behind `POSEBUS_` and perhaps a stage: `WINDOW_FRAMES`.
    package var variable: String { name.uppercased().replacing("-", with: "_") }

    /// The words of a command line that say the same.
    package func arguments(_ values: [String]) -> [String] {
        kind == .flag ? (values == ["true"] ? ["--\(name)"] : []) : values.map { "--\(name)=\($0)" }
    }

    /// Why a value is none of its kind, or nil where it may be one.
    package func objection(to value: String) -> String? {
        switch kind {
        case .flag:
            value == "true" || value == "false" ? nil : "\(quoted(value)) is neither true nor false"
        case .integer:
            Int(value) == nil
                ? "\(quoted(value)) is not a whole number"
                    + (ByteCount(argument: value).map { "; write \($0.bytes)" } ?? "") : nil
        case .number:
            Double(value)?.isFinite == true ? nil : "\(quoted(value)) is not a number"
        case .bytes:
            ByteCount(argument: value) == nil
                ? "\(quoted(value)) is not a number of bytes, such as 500M or 2G" : nil
        case .word(let words):
            words.contains(value)
                ? nil
                : "\(quoted(value)) is none of \(words.joined(separator: ", "))\(didYouMean(value, among: words))"
        case .endpoint:
            Endpoint.objection(to: value)
        case .path, .endpointOrFile, .text:
            value.utf8.contains(0) ? "the value holds a zero byte" : nil
        }
    }
}

/// A value as messages cite it: in quotes, and not longer than a line.
func quoted(_ value: some StringProtocol) -> String {
    let visible = value.prefix(80).map { $0.isNewline || $0.unicodeScalars.allSatisfy(\.isControl) ? " " : "\($0)" }
    return "\"\(visible.joined())\(value.count > 80 ? "…" : "")\""
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { properties.generalCategory == .control }
}
