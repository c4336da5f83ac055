/// Where somebody said something.
package enum Place: Sendable, Hashable, CustomStringConvertible {
    /// In a file; both count from 1.
    case line(file: String, line: Int, column: Int)
    /// A file as a whole.
    case file(String)
    /// A variable of the environment.
    case variable(String)
    /// A word of the command line.
    case word(String)
    /// Nowhere: it comes of what was not said.
    case nowhere

    package var description: String {
        switch self {
        case .line(let file, let line, let column): "\(file):\(line):\(column)"
        case .file(let file): file
        case .variable(let name): "$\(name)"
        case .word(let word): word
        case .nowhere: "defaults"
        }
    }

    /// The same without the column, for saying where a value comes from.
    package var short: String {
        if case .line(let file, let line, _) = self { "\(file):\(line)" } else { description }
    }
}

/// Something wrong with a configuration: where, with which key, what, and what would be right.
package struct Mistake: Error, Sendable, Hashable, CustomStringConvertible {
    package let place: Place
    /// The key with its section, such as `ingest.window-frames`; nil where it is about no key.
    package let key: String?
    package let text: String
    /// Whether it may be meant so: nothing stops for it.
    package let isRemark: Bool

    package init(_ place: Place, key: String? = nil, _ text: String, isRemark: Bool = false) {
        self.place = place
        self.key = key
        self.text = text
        self.isRemark = isRemark
    }

    package var description: String {
        "\(place): " + (isRemark ? "remark: " : "") + (key.map { "\($0): " } ?? "") + text
    }
}

/// What makes a file unusable as a whole.
package struct Mistakes: Error, Sendable {
    package let all: [Mistake]

    package init(all: [Mistake]) {
        self.all = all
    }
}
