public import Foundation

/// The name of a stream, as its camera gives it: 1 to 128 bytes of UTF-8 without slashes or control characters, so
/// that it can stand in a topic, a file name and a log line as it is.
public struct StreamName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest name in bytes of UTF-8.
    public static let maxLength = 128

    /// Why a text is no stream name.
    public struct Invalid: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
        /// The rule that was broken, for a person.
        public let description: String
        public var errorDescription: String? { description }
    }

    /// The name.
    public let description: String

    /// Checks a name.
    ///
    /// - Throws: `Invalid`, naming the rule that is broken. The name itself is never repeated whole: it may be huge.
    public init(_ text: String) throws(Invalid) {
        let length = text.utf8.count
        guard length > 0 else { throw Invalid(description: "the stream name is empty") }
        guard length <= Self.maxLength else {
            throw Invalid(description: "the stream name has \(length) bytes; at most \(Self.maxLength) are allowed")
        }
        guard !text.utf8.contains(UInt8(ascii: "/")) else {
            throw Invalid(description: "the stream name holds a slash")
        }
        // The letters of nearly all names need no look at Unicode's tables.
        let isPlain = text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
        guard isPlain || !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Invalid(description: "the stream name holds a control character")
        }
        description = text
    }

    /// By Unicode scalars, the same everywhere.
    public static func < (left: StreamName, right: StreamName) -> Bool {
        left.description < right.description
    }
}

/// One run of one stream. New at every start of ingest, so that a sequence is never used twice within it.
public struct SessionID: Hashable, Sendable, CustomStringConvertible {
    /// The identity.
    public let uuid: UUID

    /// A session that nobody has used.
    public init() {
        uuid = UUID()
    }

    /// A known session.
    public init(_ uuid: UUID) {
        self.uuid = uuid
    }

    /// A session from its text, or nil where that is no UUID.
    public init?(_ text: some StringProtocol) {
        guard let uuid = UUID(uuidString: String(text)) else { return nil }
        self.uuid = uuid
    }

    /// A session from its 16 bytes, or nil where there are not 16.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var uuid: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        withUnsafeMutableBytes(of: &uuid) { $0.copyBytes(from: bytes) }
        self.uuid = UUID(uuid: uuid)
    }

    /// The 16 bytes of the UUID.
    public var bytes: [UInt8] {
        withUnsafeBytes(of: uuid.uuid) { Array($0) }
    }

    /// Lower-case hexadecimal with hyphens (RFC 9562).
    public var description: String {
        // By hand: Foundation's goes through printf, and every outcome needs it.
        withUnsafeBytes(of: uuid.uuid) { bytes in
            String(unsafeUninitializedCapacity: 36) { text in
                var place = 0
                for (index, byte) in bytes.enumerated() {
                    if [4, 6, 8, 10].contains(index) {
                        text[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    text[place] = hexadecimalDigit(byte >> 4)
                    text[place + 1] = hexadecimalDigit(byte & 0xf)
                    place += 2
                }
                return place
            }
        }
    }
}

/// The number of a frame within its session: 0, 1, 2, … without a gap.
public struct SequenceNumber: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The number.
    public let value: UInt64

    /// A sequence by its number.
    public init(_ value: UInt64) {
        self.value = value
    }

    /// The first of every session.
    public static let first = SequenceNumber(0)

    /// The one after this.
    public var next: SequenceNumber { SequenceNumber(value + 1) }

    /// How many frames lie from `earlier` to this one.
    public func distance(from earlier: SequenceNumber) -> Int {
        Int(Int64(bitPattern: value &- earlier.value))
    }

    /// The sequence `count` frames later.
    public func advanced(by count: Int) -> SequenceNumber {
        SequenceNumber(value &+ UInt64(bitPattern: Int64(count)))
    }

    public static func < (left: SequenceNumber, right: SequenceNumber) -> Bool { left.value < right.value }

    public var description: String { String(value) }
}

/// The feeder's own counter of its frames. It may start anywhere, jump and repeat; PoseBus passes it on.
public struct CameraFrame: Hashable, Sendable, CustomStringConvertible {
    /// The number.
    public let value: UInt64

    /// A counter by its number.
    public init(_ value: UInt64) {
        self.value = value
    }

    public var description: String { String(value) }
}

/// A point in time: nanoseconds since 1970-01-01 UTC.
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Nanoseconds since 1970-01-01 UTC.
    public let nanoseconds: Int64

    /// A known time.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The time of the system's clock.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Milliseconds from `earlier` to this time; negative where the clocks of two machines disagree.
    public func milliseconds(since earlier: Timestamp) -> Float {
        Float(Double(nanoseconds - earlier.nanoseconds) / 1e6)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }
}
