/// The type of a stored array's elements.
public enum ElementType: Sendable, Hashable, CaseIterable {
    /// IEEE 754, 64 bits.
    case float64
    /// IEEE 754, 32 bits.
    case float32
    /// IEEE 754, 16 bits.
    case float16
    /// The upper half of a float32.
    case bfloat16
    /// Signed integers.
    case int64, int32, int16, int8
    /// Unsigned integers.
    case uint64, uint32, uint16, uint8
    /// One byte, 0 or 1.
    case bool

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}
