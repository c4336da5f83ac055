/// Cuts a stream of JPEGs laid end to end (MJPEG) into its images, however the bytes arrive.
///
/// The cut follows the markers, so a thumbnail inside a segment does not end an image. What lies between two images
/// (padding, multipart headers) is skipped. A damaged image is handed out as it is, up to the next start of an image:
/// whoever checks it can count it, nothing disappears here.
package struct JPEGSplitter: Sendable {
    private enum State {
        case seekingStart
        /// At a marker of the image.
        case segments
        /// Inside entropy-coded data.
        case codedData
        /// The markers make no sense any more: wait for the next image to start.
        case damaged
    }

    /// Bytes that belonged to no image.
    package private(set) var skippedBytes = 0

    private let frameBytes: Int
    private var buffer: [UInt8] = []
    private var start = 0
    private var position = 0
    private var state = State.seekingStart

    /// - Parameter frameBytes: the largest image; a longer one throws, so that the buffer stays bounded.
    package init(frameBytes: Int = JPEGLimits().bytes) {
        self.frameBytes = frameBytes
    }

    /// Takes the next bytes of the stream.
    package mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            position -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole image, or nil if more bytes are needed.
    package mutating func next() throws(JPEGError) -> [UInt8]? {
        while true {
            guard position - start <= frameBytes else {
                throw JPEGError(.tooLarge, "an image in the stream is longer than \(frameBytes) bytes")
            }
            switch state {
            case .seekingStart:
                guard let found = imageStart(from: start) else {
                    let kept = min(2, buffer.count - start)  // an image may begin across the border of two reads
                    skippedBytes += buffer.count - kept - start
                    start = buffer.count - kept
                    position = start
                    return nil
                }
                skippedBytes += found - start
                start = found
                position = found + 2
                state = .segments
            case .segments:
                guard let whole = try stepSegment() else { return nil }
                if whole { return take(to: position) }
            case .codedData:
                let end = buffer.withUnsafeBytes { codedDataEnd(in: $0, from: position) }
                guard let end else {
                    // A last 0xFF may be half a marker.
                    position = buffer.last == 0xFF ? max(position, buffer.count - 1) : buffer.count
                    return try needMore()
                }
                position = end
                state = .segments
            case .damaged:
                guard let found = imageStart(from: position) else {
                    position = max(position, buffer.count - 2)
                    return try needMore()
                }
                return take(to: found)
            }
        }
    }

    /// What is left when the stream has ended: an image cut short, or nil.
    package mutating func finish() -> [UInt8]? {
        guard state != .seekingStart else {
            skippedBytes += buffer.count - start
            buffer = []
            (start, position) = (0, 0)
            return nil
        }
        return take(to: buffer.count)
    }

    /// Steps over one marker: true if the image is complete, nil if the marker is not all there yet.
    private mutating func stepSegment() throws(JPEGError) -> Bool? {
        var marker = position
        guard marker < buffer.count else { return nil }
        guard buffer[marker] == 0xFF else {
            state = .damaged
            return false
        }
        while marker < buffer.count, buffer[marker] == 0xFF {
            marker += 1
        }
        position = marker - 1  // the fill bytes are done with
        guard marker < buffer.count else {
            _ = try needMore()
            return nil
        }
        switch buffer[marker] {
        case Marker.endOfImage:
            position = marker + 1
            return true
        case Marker.startOfImage:
            return true  // the end is missing, and the next image starts here
        case 0, 1, 0xD0...0xD7:
            state = .damaged
            return false
        default:
            guard marker + 2 < buffer.count else { return nil }
            let length = Int(buffer[marker + 1]) << 8 | Int(buffer[marker + 2])
            guard length >= 2 else {
                state = .damaged
                return false
            }
            guard marker + 1 + length <= buffer.count else { return nil }
            state = buffer[marker] == Marker.startOfScan ? .codedData : .segments
            position = marker + 1 + length
            return false
        }
    }

    private mutating func take(to end: Int) -> [UInt8] {
        defer {
            start = end
            position = end
            state = .seekingStart
        }
        return Array(buffer[start..<end])
    }

    private func needMore() throws(JPEGError) -> [UInt8]? {
        guard buffer.count - start <= frameBytes else {
            throw JPEGError(.tooLarge, "an image in the stream is longer than \(frameBytes) bytes")
        }
        return nil
    }

    /// The offset of the next FF D8 FF.
    private func imageStart(from: Int) -> Int? {
        var index = from
        while index + 2 < buffer.count {
            if buffer[index] == 0xFF, buffer[index + 1] == Marker.startOfImage, buffer[index + 2] == 0xFF {
                return index
            }
            index += 1
        }
        return nil
    }
}
