internal import Foundation

/// What is known of the persons of a recording, put aside on disk while the recording is walked, so that afterwards one
/// person after the other can be had from the first frame to the last without holding all of them.
final class TrackSpool {
    /// One person in one frame.
    struct Sample {
        /// Counts the recording's outcomes from 0.
        let frame: Int
        /// False where the tracker only expected the person.
        let isObserved: Bool
        /// What the export keeps; always as many numbers.
        let values: [Float]
    }

    private let handle: UnsafeMutablePointer<FILE>
    private let width: Int
    private var count = 0
    /// The places of each person's samples, in order.
    private var places: [UInt32: [UInt32]] = [:]
    /// The persons in the order in which they appeared.
    private(set) var tracks: [UInt32] = []

    /// A spool.
    ///
    /// - Parameter width: how many numbers a sample has.
    init(width: Int) throws(ExportError) {
        self.width = width
        guard let handle = tmpfile() else {
            throw ExportError(
                .inputOutput,
                "a temporary file cannot be made: \(String(cString: strerror(errno))); TMPDIR names its folder")
        }
        self.handle = handle
    }

    deinit { fclose(handle) }

    /// Puts one person of one frame aside. A second one of the same identity in a frame is left out.
    func append(_ track: UInt32, frame: Int, isObserved: Bool, _ values: [Float]) throws(ExportError) {
        precondition(values.count == width)
        var record = [Float(bitPattern: UInt32(frame)), isObserved ? 1 : 0]
        record += values
        guard fwrite(record, 4, record.count, handle) == record.count else {
            throw ExportError(.inputOutput, "writing to a temporary file failed: \(String(cString: strerror(errno)))")
        }
        if places[track] == nil { tracks.append(track) }
        places[track, default: []].append(UInt32(count))
        count += 1
    }

    /// How many frames a person is in.
    func count(of track: UInt32) -> Int { places[track]?.count ?? 0 }

    /// All of one person, in order of the frames.
    func samples(of track: UInt32) throws(ExportError) -> [Sample] {
        guard fflush(handle) == 0 else {
            throw ExportError(.inputOutput, "writing to a temporary file failed: \(String(cString: strerror(errno)))")
        }
        var samples: [Sample] = []
        let size = width + 2
        for place in places[track] ?? [] {
            var failed = false
            let record = [Float](unsafeUninitializedCapacity: size) { buffer, count in
                failed = pread(fileno(handle), buffer.baseAddress, 4 * size, off_t(4 * size * Int(place))) != 4 * size
                count = failed ? 0 : size
            }
            guard !failed else {
                throw ExportError(
                    .inputOutput, "reading a temporary file failed: \(String(cString: strerror(errno)))")
            }
            let frame = Int(record[0].bitPattern)
            guard samples.last?.frame != frame else { continue }
            samples.append(Sample(frame: frame, isObserved: record[1] != 0, values: Array(record[2...])))
        }
        return samples
    }
}
