/// A trace's identity (W3C Trace Context's `trace-id`): 16 bytes that are not all zero. With it a frame is found again in the
/// logs of every stage, in its outcome, and in whatever traced it before.
public struct TraceID: Hashable, Sendable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64

    /// The first 8 bytes and the last 8, big-endian; nil where all are zero.
    package init?(high: UInt64, low: UInt64) {
        guard high != 0 || low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    /// From 16 bytes, or nil where there are not 16 or all are zero.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        self.init(high: bigEndian(bytes.prefix(8)), low: bigEndian(bytes.suffix(8)))
    }

    /// The one of a frame whose feeder gave none: the session's UUID with the sequence XORed into its last 8 bytes, so that
    /// whoever knows the frame can compute it.
    public init(session: SessionID, sequence: SequenceNumber) {
        let bytes = session.bytes
        high = bigEndian(bytes.prefix(8))
        let mixed = bigEndian(bytes.suffix(8)) ^ sequence.value
        // Only a session of zeros could come to zero here; no UUID that is made by rule is one.
        low = high == 0 && mixed == 0 ? 1 : mixed
    }

    /// From 32 lower-case hexadecimal digits, or nil where it is something else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 32, let bytes = hexadecimalBytes(text.utf8) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 16 bytes.
    public var bytes: [UInt8] { bigEndianBytes(high) + bigEndianBytes(low) }

    /// 32 lower-case hexadecimal digits.
    public var description: String { hexadecimal(high) + hexadecimal(low) }
}

/// A span's identity within its trace (W3C Trace Context's `parent-id`): 8 bytes that are not all zero.
public struct SpanID: Hashable, Sendable, CustomStringConvertible {
    let value: UInt64

    /// From 8 bytes, or nil where there are not 8 or all are zero.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 8 else { return nil }
        value = bigEndian(bytes)
        guard value != 0 else { return nil }
    }

    /// From 16 lower-case hexadecimal digits, or nil where it is something else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 16, let bytes = hexadecimalBytes(text.utf8) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 8 bytes.
    public var bytes: [UInt8] { bigEndianBytes(value) }

    /// 16 lower-case hexadecimal digits.
    public var description: String { hexadecimal(value) }
}

/// Where a frame belongs in its feeder's trace: what a `traceparent` says.
public struct TraceContext: Hashable, Sendable {
    /// The trace.
    public let traceID: TraceID
    /// The span that the frame belongs to.
    public let parentSpanID: SpanID

    /// A place in a trace.
    public init(traceID: TraceID, parentSpanID: SpanID) {
        self.traceID = traceID
        self.parentSpanID = parentSpanID
    }

    /// Reads a `traceparent` as W3C Trace Context writes it: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, in lower
    /// case. Of a later version the first four fields are read, as it asks for; its flags say nothing here.
    ///
    /// - Returns: nil where it is none.
    public init?(traceparent text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let dash = UInt8(ascii: "-")
        guard bytes.count >= Self.length, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = hexadecimalBytes(bytes[0..<2])?.first, version != 0xff,
            hexadecimalBytes(bytes[53..<55]) != nil,
            bytes.count == Self.length || (version > 0 && bytes[Self.length] == dash),
            let trace = hexadecimalBytes(bytes[3..<35]), let traceID = TraceID(bytes: trace),
            let span = hexadecimalBytes(bytes[36..<52]), let spanID = SpanID(bytes: span)
        else { return nil }
        self.init(traceID: traceID, parentSpanID: spanID)
    }

    /// The `traceparent` that says this, as sampled.
    public var traceparent: String { "00-\(traceID)-\(parentSpanID)-01" }

    /// Of a `traceparent` of version 00, in bytes.
    private static let length = 55
}

private func bigEndian(_ bytes: some Collection<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
}

private func bigEndianBytes(_ value: UInt64) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// The lower-case digit of a number below 16.
func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

/// 16 digits, zeros in front included.
private func hexadecimal(_ value: UInt64) -> String {
    String(unsafeUninitializedCapacity: 16) { digits in
        for index in 0..<16 {
            digits[index] = hexadecimalDigit(UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 15)
        }
        return 16
    }
}

/// The bytes behind lower-case digits, or nil where one is something else. An even number is expected.
private func hexadecimalBytes(_ digits: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    var high: UInt8?
    for digit in digits {
        let value: UInt8
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
        default: return nil
        }
        if let first = high {
            bytes.append(first << 4 | value)
            high = nil
        } else {
            high = value
        }
    }
    return bytes
}
