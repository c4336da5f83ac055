extension TFLiteSparsity {
    /// Why stored values and levels do not fit each other.
    package struct Inconsistency: Error {
        let message: String
    }

    /// Puts the zeros back.
    ///
    /// The levels are walked breadth first, keeping for every entry of a level where in the result it lies; a level's
    /// size is known before it is expanded, so no input can make this use more than the result's own memory.
    package func densified<Element: FixedWidthInteger>(_ stored: [Element], shape: [Int]) throws(Inconsistency)
        -> [Element]
    {
        let dimensions = try dimensions(of: shape)
        let total = shape.reduce(1, *)
        var positions = [0]
        for (level, dimension) in zip(levels, dimensions) {
            positions = try Self.expand(positions, level, dimension, limit: total)
        }
        guard positions.count == stored.count else {
            throw Inconsistency(message: "\(stored.count) values are stored for \(positions.count) places")
        }
        var result = [Element](repeating: 0, count: total)
        for (value, position) in zip(stored, positions) { result[position] = value }
        return result
    }

    /// One level's number of indices, and how far apart in the result two neighbouring indices lie.
    private struct Dimension {
        let size: Int
        let stride: Int
    }

    /// What each level is, by `traversal`.
    private func dimensions(of shape: [Int]) throws(Inconsistency) -> [Dimension] {
        let rank = shape.count
        guard traversal.count == rank + blocks.count, levels.count == traversal.count,
            traversal.sorted() == Array(0..<traversal.count)
        else { throw Inconsistency(message: "its levels \(traversal) do not fit its shape \(shape)") }
        guard Set(blocks).count == blocks.count, blocks.allSatisfy(shape.indices.contains) else {
            throw Inconsistency(message: "its blocks \(blocks) are not dimensions of \(shape)")
        }
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        // A block's size is the size of the level that runs within it, which has to be stored in full.
        var blockSizes = [Int](repeating: 1, count: rank)
        for (level, dimension) in zip(levels, traversal) where dimension >= rank {
            guard case .dense(let size) = level, size > 0, shape[blocks[dimension - rank]] % size == 0 else {
                throw Inconsistency(message: "its blocks do not divide its shape \(shape)")
            }
            blockSizes[blocks[dimension - rank]] = size
        }
        return traversal.map { dimension in
            guard dimension < rank else {
                let axis = blocks[dimension - rank]
                return Dimension(size: blockSizes[axis], stride: strides[axis])
            }
            let size = blockSizes[dimension]
            return Dimension(size: shape[dimension] / size, stride: strides[dimension] * size)
        }
    }

    private static func expand(_ parents: [Int], _ level: Level, _ dimension: Dimension, limit: Int)
        throws(Inconsistency) -> [Int]
    {
        var children: [Int] = []
        switch level {
        case .dense(let size):
            guard size == dimension.size else {
                throw Inconsistency(message: "a level of \(size) stands for a dimension of \(dimension.size)")
            }
            let (count, overflow) = parents.count.multipliedReportingOverflow(by: size)
            guard !overflow, count <= limit else { throw Inconsistency(message: "its levels overlap") }
            children.reserveCapacity(count)
            for parent in parents {
                for index in 0..<size { children.append(parent + index * dimension.stride) }
            }
        case .sparse(let segments, let indices):
            guard segments.count == parents.count + 1, segments.first == 0, segments.last == indices.count,
                indices.count <= limit, zip(segments, segments.dropFirst()).allSatisfy({ $0 <= $1 })
            else { throw Inconsistency(message: "its segments do not fit its indices") }
            children.reserveCapacity(indices.count)
            for (number, parent) in parents.enumerated() {
                for index in indices[segments[number]..<segments[number + 1]] {
                    guard index >= 0, index < dimension.size else {
                        throw Inconsistency(message: "index \(index) is beyond a dimension of \(dimension.size)")
                    }
                    children.append(parent + index * dimension.stride)
                }
            }
        }
        return children
    }
}
