import Spool

/// A disk in memory that loses what was not synced when the power goes: any subset of the unsynced blocks survives.
final class SimulatedDisk: SpoolDisk {
    final class File: SpoolFile {
        unowned let disk: SimulatedDisk
        /// What a program reads.
        var bytes: [UInt8]
        /// What survives for certain.
        var durable: [UInt8]
        var isFailing: Bool { disk.failingSyncs > 0 }

        init(disk: SimulatedDisk, count: Int) {
            self.disk = disk
            bytes = Array(repeating: 0, count: count)
            durable = bytes
        }

        func write(_ new: [UInt8], at offset: Int) throws(SpoolError) {
            bytes.replaceSubrange(offset..<(offset + new.count), with: new)
        }

        func sync() throws(SpoolError) {
            disk.syncs += 1
            if disk.failingSyncs > 0 {
                disk.failingSyncs -= 1
                // As Linux does it: the error is reported once, the pages are clean and not on disk.
                throw SpoolError(.inputOutput, "the disk failed")
            }
            durable = bytes
        }
    }

    static let block = 512
    var files: [UInt64: File] = [:]
    /// Bytes of the disk.
    var capacity = Int.max
    var failingSyncs = 0
    var syncs = 0

    var used: Int { files.values.reduce(0) { $0 + $1.bytes.count } }

    func segments() throws(SpoolError) -> [UInt64] { Array(files.keys) }

    func read(_ index: UInt64) throws(SpoolError) -> [UInt8] {
        guard let file = files[index] else { throw SpoolError(.inputOutput, "no such file") }
        return file.bytes
    }

    func create(_ index: UInt64, bytes: Int) throws(SpoolError) -> any SpoolFile {
        guard files[index] == nil else { throw SpoolError(.notWritable, "it exists") }
        guard bytes <= capacity - used else { throw SpoolError(.full, "the disk is full") }
        let file = File(disk: self, count: bytes)
        files[index] = file
        return file
    }

    func truncate(_ index: UInt64, to length: Int) throws(SpoolError) {
        guard let file = files[index] else { return }
        file.bytes.removeLast(file.bytes.count - length)
        file.durable.removeLast(max(0, file.durable.count - length))
    }

    func remove(_ index: UInt64) throws(SpoolError) { files[index] = nil }

    /// The disk after a power failure: of every file the synced bytes, and of the blocks written since then some.
    func afterCrash(using random: inout some RandomNumberGenerator) -> SimulatedDisk {
        let disk = SimulatedDisk()
        disk.capacity = capacity
        for (index, file) in files {
            let copy = File(disk: disk, count: 0)
            copy.bytes = file.durable
            for start in stride(from: 0, to: file.bytes.count, by: Self.block) where Bool.random(using: &random) {
                let end = min(start + Self.block, file.bytes.count)
                guard end <= copy.bytes.count else { continue }
                copy.bytes.replaceSubrange(start..<end, with: file.bytes[start..<end])
            }
            copy.durable = copy.bytes
            disk.files[index] = copy
        }
        return disk
    }
}
