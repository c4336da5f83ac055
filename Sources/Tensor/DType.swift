internal import CTorch

/// The type of a tensor's elements.
public enum DType: Sendable, Hashable, CaseIterable {
    /// 32-bit IEEE 754.
    case float32
    /// 16-bit IEEE 754.
    case float16
    /// The upper half of a float32.
    case bfloat16
    /// Signed 32-bit integers.
    case int32
    /// Signed 64-bit integers.
    case int64
    /// Unsigned 8-bit integers.
    case uint8

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .uint8: 1
        case .float16, .bfloat16: 2
        case .float32, .int32: 4
        case .int64: 8
        }
    }

    var code: ctorch_dtype {
        switch self {
        case .float32: CTORCH_FLOAT32
        case .float16: CTORCH_FLOAT16
        case .bfloat16: CTORCH_BFLOAT16
        case .int32: CTORCH_INT32
        case .int64: CTORCH_INT64
        case .uint8: CTORCH_UINT8
        }
    }

    init?(code: Int32) {
        guard let match = Self.allCases.first(where: { Int32(bitPattern: $0.code.rawValue) == code }) else {
            return nil
        }
        self = match
    }
}
