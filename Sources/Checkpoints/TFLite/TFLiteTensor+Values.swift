extension TFLiteTensor {
    /// A constant's elements in row-major order, as 32-bit floating point; sparse ones with their zeros put back.
    ///
    /// - Throws: `CheckpointError` where it is no constant or its type is not floating point.
    public func floats() throws(CheckpointError) -> [Float] {
        let data = try constantData()
        switch type {
        case .float32:
            let bits = try elements(data, of: UInt32.self)
            return bits.map(Float.init(bitPattern:))
        case .float16:
            let bits = try elements(data, of: UInt16.self)
            return bits.map(Float.init(halfBitPattern:))
        default:
            throw CheckpointError(
                file: data.file.name, .unsupported, "tensor \(index) \"\(name)\" is \(type), not floating point")
        }
    }

    /// A constant's elements in row-major order, where they are integers.
    ///
    /// - Throws: `CheckpointError` where it is no constant or its type is no integer.
    public func integers() throws(CheckpointError) -> [Int] {
        let data = try constantData()
        switch type {
        case .int32: return try elements(data, of: Int32.self).map(Int.init)
        case .int64: return try elements(data, of: Int64.self).map(Int.init)
        case .int8: return try elements(data, of: Int8.self).map(Int.init)
        case .uint8: return try elements(data, of: UInt8.self).map(Int.init)
        default:
            throw CheckpointError(
                file: data.file.name, .unsupported, "tensor \(index) \"\(name)\" is \(type), not integers")
        }
    }

    private func constantData() throws(CheckpointError) -> FileSlice {
        guard let data else {
            throw CheckpointError(
                file: "tensor \(index) \"\(name)\"", .malformed, "a constant is needed here and it has no data")
        }
        return data
    }

    private func elements<Bits: FixedWidthInteger>(_ data: FileSlice, of _: Bits.Type) throws(CheckpointError) -> [Bits]
    {
        let size = MemoryLayout<Bits>.size
        let stored = data.withUnsafeBytes { bytes in
            (0..<(bytes.count / size)).map {
                Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: Bits.self))
            }
        }
        guard let sparsity else { return stored }
        do {
            return try sparsity.densified(stored, shape: shape)
        } catch {
            throw CheckpointError(
                file: data.file.name, .malformed, "the sparse tensor \(index) \"\(name)\" is damaged: \(error.message)")
        }
    }
}
