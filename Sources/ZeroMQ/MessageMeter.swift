internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// Counts the bytes of messages for one peer that nobody has let go of yet: neither their maker nor libzmq, which holds a
/// message until it has handed the last byte to the kernel, or its peer is lost.
public final class MessageMeter: Sendable {
    private let made = Atomic<Int>(0)
    private let freed = Atomic<Int>(0)

    /// Counts from zero.
    public init() {}

    /// Bytes of messages that exist.
    public var bytesHeld: Int {
        // In this order: what is freed meanwhile was made before.
        let freed = bytesFreed
        return made.load(ordering: .acquiring) - freed
    }

    /// Bytes of messages that existed, a number that only grows.
    public var bytesFreed: Int { freed.load(ordering: .acquiring) }

    fileprivate func add(_ bytes: Int) {
        made.add(bytes, ordering: .acquiringAndReleasing)
    }

    fileprivate func free(_ bytes: Int) {
        freed.add(bytes, ordering: .acquiringAndReleasing)
    }
}

extension Message {
    /// What libzmq gives back when it frees a part: on whichever of its threads has held it last.
    private final class Receipt: Sendable {
        let bytes: Int
        let meter: MessageMeter

        init(_ bytes: Int, _ meter: MessageMeter) {
            self.bytes = bytes
            self.meter = meter
        }
    }

    /// Makes a part with a copy of `source`, which `meter` counts for as long as it exists.
    public convenience init(copying source: UnsafeRawBufferPointer, countedBy meter: MessageMeter) {
        let box = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
        guard let data = malloc(max(1, source.count)) else {
            preconditionFailure("out of memory for a message of \(source.count) bytes")
        }
        if let start = source.baseAddress { data.copyMemory(from: start, byteCount: source.count) }
        meter.add(source.count)
        let receipt = Unmanaged.passRetained(Receipt(source.count, meter))
        let result = zmq_msg_init_data(
            box, data, source.count,
            { data, hint in
                Glibc.free(data)
                guard let hint else { return }
                let receipt = Unmanaged<Receipt>.fromOpaque(hint).takeRetainedValue()
                receipt.meter.free(receipt.bytes)
            }, receipt.toOpaque())
        precondition(result == 0, "out of memory for a message of \(source.count) bytes")
        self.init(adopting: box)
    }
}
