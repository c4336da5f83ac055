internal import Glibc

/// Reads one line of Prometheus' text format.
struct SampleReader {
    struct Problem: Error {
        let description: String
    }

    private var rest: Substring.UTF8View.SubSequence

    init(_ line: Substring.UTF8View.SubSequence) {
        rest = line
        skipBlanks()
    }

    /// The sample, or nil for a comment or an empty line.
    mutating func sample() throws(Problem) -> MetricsSnapshot.Sample? {
        guard let first = rest.first, first != UInt8(ascii: "#"), first != UInt8(ascii: "\r") else { return nil }
        let name = word()
        guard !name.isEmpty else { throw Problem(description: "it does not begin with a name") }
        skipBlanks()
        let labels = try labels()
        skipBlanks()
        // A time stamp may follow.
        let text = String(rest.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") && $0 != 0x0D }) ?? ""
        guard let value = Self.number(text) else { throw Problem(description: "\"\(text)\" is no number") }
        return MetricsSnapshot.Sample(name: name, labels: labels, value: value)
    }

    private mutating func labels() throws(Problem) -> [String: String] {
        guard take("{") else { return [:] }
        var labels: [String: String] = [:]
        while true {
            skipBlanks()
            if take("}") { return labels }
            let name = word()
            skipBlanks()
            guard !name.isEmpty, take("=") else { throw Problem(description: "a label without a value") }
            skipBlanks()
            guard take("\"") else { throw Problem(description: "the label \(name) has no quotes") }
            labels[name] = try quoted()
            skipBlanks()
            guard take(",") || rest.first == UInt8(ascii: "}") else {
                throw Problem(description: "the labels do not end")
            }
        }
    }

    private mutating func quoted() throws(Problem) -> String {
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                switch rest.popFirst() {
                case UInt8(ascii: "n"): bytes.append(0x0A)
                case let other?: bytes.append(other)
                case nil: throw Problem(description: "a label's value does not end")
                }
            default: bytes.append(byte)
            }
        }
        throw Problem(description: "a label's value does not end")
    }

    private mutating func word() -> String {
        let word = rest.prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
        rest = rest.dropFirst(word.count)
        return String(word) ?? ""
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func skipBlanks() {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf", "Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }
}
