/// How a constant leaves out zeros: a tree of dimensions, each stored in full or as a list of the indices present
/// (compressed sparse rows), over blocks of elements.
///
/// A tensor of N dimensions, B of them cut into blocks, is stored as one of N + B dimensions: first the N, counted in
/// blocks, then the B within a block, all in the order that `traversal` says.
public struct TFLiteSparsity: Sendable {
    /// How one level of the tree is stored.
    public enum Level: Sendable {
        /// Every index from 0 up to the size.
        case dense(size: Int)
        /// The children of entry `i` of the level above are `indices[segments[i] ..< segments[i + 1]]`.
        case sparse(segments: [Int], indices: [Int])
    }

    /// Which of the N + B dimensions each level is.
    public let traversal: [Int]
    /// Which of the N dimensions each block dimension cuts.
    public let blocks: [Int]
    /// The levels, outermost first.
    public let levels: [Level]

    /// States all of it. `densified(_:shape:)` checks that it is consistent.
    public init(traversal: [Int], blocks: [Int], levels: [Level]) {
        self.traversal = traversal
        self.blocks = blocks
        self.levels = levels
    }

    init(_ table: FlatTable, label: String) throws(CheckpointError) {
        let file = table.buffer.file.name
        traversal = try table.integers(0, of: Int32.self, limit: 16, "levels of \(label)") ?? []
        blocks = try table.integers(1, of: Int32.self, limit: 8, "blocks of \(label)") ?? []
        var levels: [Level] = []
        for level in try table.tables(2, limit: 16, "levels of \(label)") {
            switch try level.integer(0, default: Int8(0)) {
            case 0:
                levels.append(.dense(size: Int(try level.integer(1, default: Int32(0)))))
            case 1:
                levels.append(
                    .sparse(
                        segments: try Self.indices(level, type: 2, vector: 3, label: label),
                        indices: try Self.indices(level, type: 4, vector: 5, label: label)))
            case let format:
                throw CheckpointError(
                    file: file, .unsupported, "\(label) has sparse levels of an unknown format \(format)")
            }
        }
        self.levels = levels
    }

    /// A union of three vectors: of 32, 16 or 8 bits an element.
    private static func indices(_ level: FlatTable, type: Int, vector: Int, label: String) throws(CheckpointError)
        -> [Int]
    {
        let meaning = "sparse indices of \(label)"
        guard let table = try level.table(vector) else {
            throw level.buffer.error("\(label) has a sparse level without indices")
        }
        let limit = TFLiteTensor.maximumCount
        let values: [Int]?
        switch try level.integer(type, default: UInt8(0)) {
        case 1: values = try table.integers(0, of: Int32.self, limit: limit, meaning)
        case 2: values = try table.integers(0, of: UInt16.self, limit: limit, meaning)
        case 3: values = try table.integers(0, of: UInt8.self, limit: limit, meaning)
        case let other:
            throw level.buffer.error("\(label) has sparse indices of an unknown type \(other)")
        }
        return values ?? []
    }
}
