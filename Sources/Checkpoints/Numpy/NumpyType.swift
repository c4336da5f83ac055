/// A NumPy type of numbers: what `dtype.str` says, such as `<f4`.
///
/// Source: NumPy, "The array interface protocol", `typestr`.
struct NumpyType: Sendable, Equatable {
    let elementType: ElementType
    let isBigEndian: Bool

    init(elementType: ElementType, isBigEndian: Bool) {
        self.elementType = elementType
        self.isBigEndian = isBigEndian
    }

    /// Reads a type's text; nil where it is not a type of plain numbers.
    init?(_ text: String) {
        var rest = Substring(text)
        var isBig = false
        if let order = rest.first, "<>|=".contains(order) {
            isBig = order == ">"
            rest = rest.dropFirst()
        }
        let types: [Substring: ElementType] = [
            "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
            "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .bool,
        ]
        guard let type = types[rest] else { return nil }
        elementType = type
        isBigEndian = isBig
    }

    /// A view of `storage`, first index fastest where `isFortran`.
    func array(
        name: String, shape: [Int], isFortran: Bool, storage: FileSlice
    ) throws(CheckpointError) -> StoredArray {
        let strides = isFortran ? StoredArray.rowMajorStrides(of: shape.reversed()).reversed() : nil as [Int]?
        return try StoredArray(
            name: name, elementType: elementType, shape: shape, strides: strides, storage: storage,
            isBigEndian: isBigEndian)
    }
}
