internal import CTorch

/// Where a tensor's elements are and its operations run.
public enum Device: Sendable, Hashable, CustomStringConvertible {
    /// Main memory.
    case cpu
    /// One NVIDIA GPU, by its index.
    case cuda(Int)

    /// As people write it: `cpu`, `cuda:0`.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// Reads `cpu`, `cuda` or `cuda:N`; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), index >= 0, index <= 127 else {
                return nil
            }
            self = .cuda(index)
        }
    }

    package var code: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(clamping: index)
        }
    }

    init(code: Int32) {
        self = code < 0 ? .cpu : .cuda(Int(code))
    }
}
