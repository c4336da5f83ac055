/// The header of a `.npy` file: a Python dictionary with three known keys, such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct NumpyHeader {
    /// What NumPy reads without being asked twice.
    static let longest = 10_000

    private(set) var type = ""
    private(set) var isFortran = false
    private(set) var shape: [Int] = []

    /// Reads the text; nil where it is anything else.
    init?(_ text: String) {
        var rest = text[...]
        var missing: Set = ["descr", "fortran_order", "shape"]
        guard Self.skip("{", &rest) else { return nil }
        while !Self.skip("}", &rest) {
            guard let key = Self.quoted(&rest), Self.skip(":", &rest), missing.remove(key) != nil else { return nil }
            switch key {
            case "descr":
                guard let value = Self.quoted(&rest) else { return nil }
                type = value
            case "fortran_order":
                if Self.skip("True", &rest) { isFortran = true } else if !Self.skip("False", &rest) { return nil }
            default:
                guard Self.skip("(", &rest) else { return nil }
                while !Self.skip(")", &rest) {
                    let digits = rest.prefix { $0.isASCII && $0.isNumber }
                    guard let size = Int(digits) else { return nil }
                    rest = rest.dropFirst(digits.count)
                    _ = Self.skip("L", &rest)
                    shape.append(size)
                    let isMore = Self.skip(",", &rest)
                    guard isMore || rest.first == ")" else { return nil }
                }
            }
            let isMore = Self.skip(",", &rest)
            guard isMore || rest.first == "}" else { return nil }
        }
        guard missing.isEmpty, rest.allSatisfy(\.isWhitespace) else { return nil }
    }

    /// Goes past `word` and the blanks on both sides, if it comes next.
    private static func skip(_ word: String, _ rest: inout Substring) -> Bool {
        let trimmed = rest.drop { $0.isWhitespace }
        guard trimmed.hasPrefix(word) else { return false }
        rest = trimmed.dropFirst(word.count).drop { $0.isWhitespace }
        return true
    }

    private static func quoted(_ rest: inout Substring) -> String? {
        let trimmed = rest.drop { $0.isWhitespace }
        guard let quote = trimmed.first, quote == "'" || quote == "\"",
            let end = trimmed.dropFirst().firstIndex(of: quote)
        else { return nil }
        defer { rest = trimmed[trimmed.index(after: end)...] }
        return String(trimmed[trimmed.index(after: trimmed.startIndex)..<end])
    }
}
