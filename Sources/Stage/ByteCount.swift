public import ArgumentParser

/// A number of bytes as people write it: 4096, 500k, 20M, 2G (powers of 1024).
public struct ByteCount: Sendable, Equatable, ExpressibleByArgument, CustomStringConvertible {
    /// The bytes.
    public let bytes: Int64

    /// A number of bytes.
    public init(bytes: Int64) {
        self.bytes = bytes
    }

    /// From a text, or nil where it is none.
    public init?(argument: String) {
        let units: [Character: Int64] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40]
        let unit = argument.last.flatMap { units[Character($0.lowercased())] }
        guard let number = Int64(unit == nil ? argument[...] : argument.dropLast()), number >= 0 else { return nil }
        let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !isTooLarge else { return nil }
        self.bytes = bytes
    }

    /// The shortest text that means the same.
    public var description: String {
        for (unit, size) in [("G", Int64(1) << 30), ("M", 1 << 20), ("k", 1 << 10)] where bytes > 0 && bytes % size == 0
        {
            return "\(bytes / size)\(unit)"
        }
        return "\(bytes)"
    }

    public var defaultValueDescription: String { description }
}
