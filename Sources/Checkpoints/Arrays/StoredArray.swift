/// A dense array in a file: a view of the file's bytes, of which nothing is read or copied before it is asked for.
///
/// That every element lies within the file is checked when the array is made.
public struct StoredArray: Sendable {
    /// Where it stands in its file, for messages: `state_dict.backbone.pos_embed`.
    public let name: String
    /// The type of the elements.
    public let elementType: ElementType
    /// The dimensions' sizes, outermost first; empty for a single number.
    public let shape: [Int]
    /// From one entry of a dimension to its next, in elements; never negative.
    public let strides: [Int]
    /// The number of elements.
    public let count: Int

    private let storage: FileSlice
    /// Where the first element is in `storage`, in elements.
    private let offset: Int
    private let isBigEndian: Bool

    /// The most bytes that one array may take once its elements are laid out row by row: four times the largest that
    /// any known model has. A view can repeat its elements without end.
    static let largestCopy = 1 << 32
    /// NumPy's and torch's own limit.
    static let largestRank = 64

    /// A view of `storage`.
    ///
    /// - Parameters:
    ///   - strides: in elements; row-major unless given.
    ///   - offset: the first element, counted in elements from the storage's beginning.
    /// - Throws: `CheckpointError` where an element would lie outside `storage`.
    init(
        name: String, elementType: ElementType, shape: [Int], strides: [Int]? = nil, storage: FileSlice,
        offset: Int = 0, isBigEndian: Bool = false
    ) throws(CheckpointError) {
        func refused(_ reason: String) -> CheckpointError {
            CheckpointError(file: storage.file.name, .malformed, "the array \(name) \(reason)")
        }
        guard shape.count <= Self.largestRank else { throw refused("has \(shape.count) dimensions") }
        guard let count = Self.elements(of: shape) else { throw refused("has the impossible shape \(shape)") }
        let strides = strides ?? Self.rowMajorStrides(of: shape)
        guard strides.count == shape.count, strides.allSatisfy({ $0 >= 0 }), offset >= 0 else {
            throw refused("has the strides \(strides) and the offset \(offset), which cannot be")
        }
        if count > 0 {
            var last = offset
            for (size, stride) in zip(shape, strides) {
                let (reach, tooFar) = (size - 1).multipliedReportingOverflow(by: stride)
                let (sum, beyond) = last.addingReportingOverflow(reach)
                guard !tooFar, !beyond else { throw refused("reaches beyond any file") }
                last = sum
            }
            let held = storage.count / elementType.byteCount
            guard last < held else {
                throw refused(
                    "reaches to element \(last) of a storage that holds \(held): the file is damaged or cut off")
            }
        }
        self.name = name
        self.elementType = elementType
        self.shape = shape
        self.strides = strides
        self.count = count
        self.storage = storage
        self.offset = offset
        self.isBigEndian = isBigEndian
    }

    /// The same view under another name.
    func named(_ name: String) -> StoredArray { StoredArray(self, name: name) }

    private init(_ array: StoredArray, name: String) {
        self.name = name
        elementType = array.elementType
        shape = array.shape
        strides = array.strides
        count = array.count
        storage = array.storage
        offset = array.offset
        isBigEndian = array.isBigEndian
    }

    /// The file it is in.
    public var fileName: String { storage.file.name }

    /// True where the elements lie in the file one after another, row by row.
    public var isContiguous: Bool {
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            guard stride == expected else { return count == 0 }
            expected *= size
        }
        return true
    }

    /// The elements' bytes row by row, little-endian: the file's own where they lie so, or else a copy.
    ///
    /// - Throws: `CheckpointError` where a view that repeats its elements would take more memory than any model needs.
    public func contiguousBytes() throws(CheckpointError) -> FileSlice {
        let size = elementType.byteCount
        if isContiguous, !isBigEndian || size == 1 {
            // Of an array without elements the offset was not checked, and may be anything.
            let start = storage.range.lowerBound + (count == 0 ? 0 : offset * size)
            return FileSlice(file: storage.file, range: start..<(start + count * size))
        }
        guard count <= Self.largestCopy / size else {
            throw CheckpointError(
                file: fileName, .unsupported, "the array \(name) of shape \(shape) is larger than any model needs")
        }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count * size, alignment: 16)
        storage.withUnsafeBytes { gather($0, into: copy) }
        return FileSlice(file: MappedFile(owning: copy, name: fileName), range: 0..<copy.count)
    }

    /// Lays the elements out row by row.
    private func gather(_ source: UnsafeRawBufferPointer, into copy: UnsafeMutableRawBufferPointer) {
        guard count > 0, let from = source.baseAddress, let to = copy.baseAddress else { return }
        let size = elementType.byteCount
        var place = offset
        var index = [Int](repeating: 0, count: shape.count)
        for element in 0..<count {
            let target = to + element * size
            target.copyMemory(from: from + place * size, byteCount: size)
            if isBigEndian {
                var bytes = UnsafeMutableRawBufferPointer(start: target, count: size)
                bytes.reverse()
            }
            var dimension = shape.count - 1
            while dimension >= 0 {
                index[dimension] += 1
                place += strides[dimension]
                if index[dimension] < shape[dimension] { break }
                place -= index[dimension] * strides[dimension]
                index[dimension] = 0
                dimension -= 1
            }
        }
    }

    /// The number of elements, or nil where no memory could hold them.
    static func elements(of shape: [Int]) -> Int? {
        guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
        if shape.contains(0) { return 0 }
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product < 1 << 48 else { return nil }
            count = product
        }
        return count
    }

    /// Strides of elements that lie row by row.
    static func rowMajorStrides(of shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for dimension in shape.indices.dropLast().reversed() {
            strides[dimension] = strides[dimension + 1] &* max(1, shape[dimension + 1])
        }
        return strides
    }
}
