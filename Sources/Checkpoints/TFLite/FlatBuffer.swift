/// Reads FlatBuffers: tables of optional fields, found by offsets. Every offset is checked against the file before it is
/// followed, so no bytes can make a read leave the file.
///
/// The format: https://flatbuffers.dev/internals/
struct FlatBuffer: Sendable {
    let file: MappedFile

    func error(_ message: String) -> CheckpointError {
        CheckpointError(file: file.name, .malformed, message)
    }

    /// A little-endian integer at an offset from the file's start.
    func integer<Value: FixedWidthInteger>(at offset: Int, _: Value.Type = Value.self) throws(CheckpointError) -> Value
    {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, offset <= file.count - size else {
            throw error("damaged: it points to byte \(offset) and has only \(file.count)")
        }
        return file.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }

    /// Where a forward reference at `offset` points to.
    func target(at offset: Int) throws(CheckpointError) -> Int {
        let distance = try integer(at: offset, UInt32.self)
        guard distance != 0 else { throw error("damaged: the reference at byte \(offset) points to itself") }
        return offset + Int(distance)
    }

    /// The table that the file starts with. `identifier` is the format's four characters at byte 4.
    func root(identifier: String) throws(CheckpointError) -> FlatTable {
        var found = ""
        if file.count >= 8 {
            found = file.withUnsafeBytes { String(decoding: $0[4..<8], as: UTF8.self) }
        }
        guard found == identifier else {
            throw error("it is not a \(identifier) file: bytes 4 to 8 do not say so")
        }
        return try FlatTable(in: self, at: try target(at: 0))
    }
}

/// One table: fields are numbered by the schema, and absent ones have the schema's default.
struct FlatTable: Sendable {
    let buffer: FlatBuffer
    private let start: Int
    private let fields: Int
    private let fieldsEnd: Int
    private let size: Int

    init(in buffer: FlatBuffer, at start: Int) throws(CheckpointError) {
        self.buffer = buffer
        self.start = start
        fields = start - Int(try buffer.integer(at: start, Int32.self))
        let length = Int(try buffer.integer(at: fields, UInt16.self))
        size = Int(try buffer.integer(at: fields + 2, UInt16.self))
        fieldsEnd = fields + length
        guard length >= 4, length % 2 == 0, fieldsEnd <= buffer.file.count, size >= 4, start + size <= buffer.file.count
        else { throw buffer.error("damaged: the table at byte \(start) reaches beyond the file") }
    }

    /// Where a field's value or reference is; nil where the table has none.
    private func position(_ field: Int, byteCount: Int) throws(CheckpointError) -> Int? {
        let entry = fields + 4 + 2 * field
        guard entry + 2 <= fieldsEnd else { return nil }
        let offset = Int(try buffer.integer(at: entry, UInt16.self))
        guard offset != 0 else { return nil }
        guard offset >= 4, offset + byteCount <= size else {
            throw buffer.error("damaged: field \(field) of the table at byte \(start) lies outside of it")
        }
        return start + offset
    }

    func integer<Value: FixedWidthInteger>(_ field: Int, default value: Value) throws(CheckpointError) -> Value {
        guard let position = try position(field, byteCount: MemoryLayout<Value>.size) else { return value }
        return try buffer.integer(at: position)
    }

    func flag(_ field: Int) throws(CheckpointError) -> Bool {
        try integer(field, default: UInt8(0)) != 0
    }

    func table(_ field: Int) throws(CheckpointError) -> FlatTable? {
        guard let position = try position(field, byteCount: 4) else { return nil }
        return try FlatTable(in: buffer, at: try buffer.target(at: position))
    }

    /// The range of a vector's elements, each of `stride` bytes; nil where the table has no such vector.
    private func elements(_ field: Int, stride: Int) throws(CheckpointError) -> Range<Int>? {
        guard let position = try position(field, byteCount: 4) else { return nil }
        let vector = try buffer.target(at: position)
        let count = Int(try buffer.integer(at: vector, UInt32.self))
        let first = vector + 4
        guard count <= (buffer.file.count - first) / stride else {
            throw buffer.error("damaged: the vector at byte \(vector) reaches beyond the file")
        }
        return first..<(first + count * stride)
    }

    func bytes(_ field: Int) throws(CheckpointError) -> FileSlice? {
        try elements(field, stride: 1).map { FileSlice(file: buffer.file, range: $0) }
    }

    /// A text. Bytes that are no UTF-8 are replaced; `limit` bounds how much of it is read.
    func text(_ field: Int, limit: Int = 1024) throws(CheckpointError) -> String? {
        guard let bytes = try bytes(field) else { return nil }
        return bytes.withUnsafeBytes { String(decoding: $0.prefix(limit), as: UTF8.self) }
    }

    /// Integers, at most `limit`: a hostile file can refer to one long vector many times.
    func integers<Value: FixedWidthInteger>(
        _ field: Int, of _: Value.Type, limit: Int, _ meaning: String
    ) throws(CheckpointError) -> [Int]? {
        let stride = MemoryLayout<Value>.size
        guard let range = try elements(field, stride: stride) else { return nil }
        let count = range.count / stride
        guard count <= limit else { throw buffer.error("\(count) \(meaning) are more than the \(limit) allowed") }
        return buffer.file.withUnsafeBytes { bytes in
            (0..<count).map {
                Int(
                    Value(
                        littleEndian: bytes.loadUnaligned(
                            fromByteOffset: range.lowerBound + $0 * stride, as: Value.self)))
            }
        }
    }

    func tables(_ field: Int, limit: Int, _ meaning: String) throws(CheckpointError) -> [FlatTable] {
        guard let range = try elements(field, stride: 4) else { return [] }
        let count = range.count / 4
        guard count <= limit else { throw buffer.error("\(count) \(meaning) are more than the \(limit) allowed") }
        var tables: [FlatTable] = []
        tables.reserveCapacity(count)
        for offset in Swift.stride(from: range.lowerBound, to: range.upperBound, by: 4) {
            tables.append(try FlatTable(in: buffer, at: try buffer.target(at: offset)))
        }
        return tables
    }
}
