extension StoredArray {
    /// The elements row by row, rounded to 32 bits.
    ///
    /// - Throws: `CheckpointError` as `contiguousBytes` does.
    public func floats() throws(CheckpointError) -> [Float] {
        switch elementType {
        case .float64: try elements(Double.self) { Float($0) }
        case .float32: try copied()
        case .float16: try elements(UInt16.self) { Float(halfBitPattern: $0) }
        case .bfloat16: try elements(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .int64: try elements(Int64.self) { Float($0) }
        case .uint64: try elements(UInt64.self) { Float($0) }
        default: try integers().map { Float($0) }
        }
    }

    /// The elements row by row, as 64-bit numbers.
    ///
    /// - Throws: `CheckpointError` as `contiguousBytes` does.
    public func doubles() throws(CheckpointError) -> [Double] {
        switch elementType {
        case .float64: try elements(UInt64.self) { Double(bitPattern: $0) }
        case .float32, .float16, .bfloat16: try floats().map { Double($0) }
        case .uint64: try elements(UInt64.self) { Double($0) }
        default: try integers().map { Double($0) }
        }
    }

    /// The elements row by row, as integers.
    ///
    /// - Throws: `CheckpointError` where they are not integers, or one is larger than `Int`.
    public func integers() throws(CheckpointError) -> [Int] {
        switch elementType {
        case .int64: return try elements(Int64.self) { Int($0) }
        case .int32: return try elements(Int32.self) { Int($0) }
        case .int16: return try elements(Int16.self) { Int($0) }
        case .int8: return try elements(Int8.self) { Int($0) }
        case .uint32: return try elements(UInt32.self) { Int($0) }
        case .uint16: return try elements(UInt16.self) { Int($0) }
        case .uint8: return try elements(UInt8.self) { Int($0) }
        case .bool: return try elements(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .uint64:
            let values = try elements(UInt64.self) { $0 }
            guard values.allSatisfy({ $0 <= UInt64(Int.max) }) else {
                throw CheckpointError(file: fileName, .malformed, "the array \(name) holds an integer beyond 2^63")
            }
            return values.map { Int($0) }
        case .float64, .float32, .float16, .bfloat16:
            throw CheckpointError(
                file: fileName, .malformed, "the array \(name) holds \(elementType) numbers where integers are expected"
            )
        }
    }

    /// Lends the elements row by row as 32-bit floats: the file's own bytes where they are such and lie so, or else a
    /// converted copy. Pages of the file that only this array needed are given back afterwards, so that reading a whole
    /// checkpoint takes no more memory than its largest tensor. The buffer must not leave `body`.
    ///
    /// - Throws: `CheckpointError` as `contiguousBytes` does, or what `body` throws.
    package func withFloats<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
        let slice = try contiguousBytes()
        defer { slice.release() }
        if elementType == .float32 {
            let direct: Result? = try slice.withUnsafeBytes { bytes in
                guard Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0 else { return nil }
                return try body(bytes.bindMemory(to: Float.self))
            }
            if let direct { return direct }
        }
        return try floats().withUnsafeBufferPointer(body)
    }

    private func copied() throws(CheckpointError) -> [Float] {
        let slice = try contiguousBytes()
        return [Float](unsafeUninitializedCapacity: count) { buffer, written in
            slice.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
            written = count
        }
    }

    private func elements<Stored: BitwiseCopyable, Element>(
        _ type: Stored.Type, _ convert: (Stored) -> Element
    ) throws(CheckpointError) -> [Element] {
        let slice = try contiguousBytes()
        return slice.withUnsafeBytes { bytes in
            (0..<count).map {
                convert(bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Stored>.size, as: Stored.self))
            }
        }
    }
}
