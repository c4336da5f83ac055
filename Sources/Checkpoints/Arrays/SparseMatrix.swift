/// A sparse matrix as SciPy stores it (scipy.sparse.csc_matrix and csr_matrix).
public struct SparseMatrix: Sendable {
    /// Along what the stored values are gathered.
    public enum Format: Sendable {
        /// Column by column.
        case csc
        /// Row by row.
        case csr
    }

    /// The number of rows.
    public let rows: Int
    /// The number of columns.
    public let columns: Int
    /// Along what the stored values are gathered.
    public let format: Format
    /// The stored values.
    public let data: StoredArray
    /// The row (csc) or column (csr) of each value.
    public let indices: StoredArray
    /// Where each column's (csc) or row's (csr) values begin in `data`; one more at the end.
    public let pointers: StoredArray

    /// 4,096 × 16,384: a hundred times what a joint regressor has.
    static let largestDense = 1 << 26

    /// All values row by row, zeros included; values stored twice for one place are added, as SciPy does.
    ///
    /// - Throws: `CheckpointError` where its arrays contradict each other or it is larger than any model needs.
    public func dense() throws(CheckpointError) -> [Double] {
        func refused(_ reason: String) -> CheckpointError {
            CheckpointError(file: data.fileName, .malformed, "the sparse matrix \(data.name) \(reason)")
        }
        guard rows >= 0, columns >= 0, let count = StoredArray.elements(of: [rows, columns]), count <= Self.largestDense
        else { throw refused("of \(rows)×\(columns) is larger than any model needs") }
        let (outer, inner) = format == .csc ? (columns, rows) : (rows, columns)
        guard pointers.count == outer + 1, indices.count >= 0, indices.count <= data.count else {
            throw refused("has \(pointers.count) pointers and \(indices.count) indices for \(data.count) values")
        }
        let pointers = try pointers.integers()
        let indices = try indices.integers()
        let values = try data.doubles()
        var dense = [Double](repeating: 0, count: count)
        for line in 0..<outer {
            let (start, end) = (pointers[line], pointers[line + 1])
            guard start >= 0, start <= end, end <= indices.count else { throw refused("has pointers out of order") }
            for place in start..<end {
                let index = indices[place]
                guard index >= 0, index < inner else { throw refused("has a value outside its \(rows)×\(columns)") }
                dense[format == .csc ? index * columns + line : line * columns + index] += values[place]
            }
        }
        return dense
    }
}
