internal import Synchronization

/// Keeps the pixel buffers of finished images for the next ones, so that a stream of equal frames allocates once.
///
/// A buffer goes back by itself when the last reference to its image goes away.
package final class ImageBufferPool: Sendable {
    private let idle: Mutex<[PixelBuffer]>
    private let capacity: Int

    /// - Parameter capacity: how many idle buffers are kept at most.
    package init(capacity: Int = 16) {
        self.capacity = capacity
        idle = Mutex([])
    }

    /// How many buffers are waiting for an image.
    package var idleCount: Int { idle.withLock { $0.count } }

    func take(bytes: Int) -> PixelBuffer {
        let found = idle.withLock { buffers -> PixelBuffer? in
            // A buffer much larger than the image would pin its memory: four times is the most.
            let fits = { (buffer: PixelBuffer) in buffer.capacity >= bytes && buffer.capacity / 4 <= bytes }
            guard let index = buffers.lastIndex(where: fits) else { return nil }
            return buffers.remove(at: index)
        }
        return found ?? PixelBuffer(capacity: bytes)
    }

    func giveBack(_ buffer: PixelBuffer) {
        let surplus = idle.withLock { buffers -> PixelBuffer? in
            buffers.append(buffer)
            return buffers.count > capacity ? buffers.removeFirst() : nil  // the oldest size is the least likely
        }
        surplus?.free()
    }

    deinit {
        let left = idle.withLock { buffers in
            defer { buffers = [] }
            return buffers
        }
        left.forEach { $0.free() }
    }
}

/// A block of memory with exactly one owner at a time: an image, or the pool.
///
/// `@unchecked Sendable` because ownership moves whole: the pool hands a block to one image only and never touches
/// it until that image is gone.
struct PixelBuffer: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let capacity: Int

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        base = .allocate(byteCount: self.capacity, alignment: 64)
    }

    func free() {
        base.deallocate()
    }
}
