/// The pairing of rows with columns that costs least in total: each row and each column at most once, as many pairs as the
/// shorter side has.
///
/// Shortest augmenting paths with dual variables (Crouse, "On implementing 2D rectangular assignment algorithms", 2016,
/// which is what SciPy's `linear_sum_assignment` follows too): O(n³), and exact.
package enum Assignment {
    /// - Parameter costs: rows of equal length; every number finite.
    /// - Returns: the column of each row; nil where there are fewer columns than rows and this row went without.
    package static func columns(_ costs: [[Double]]) -> [Int?] {
        let columnCount = costs.first?.count ?? 0
        guard columnCount > 0 else { return costs.map { _ in nil } }
        if costs.count <= columnCount { return solve(costs, columnCount: columnCount) }
        // One row a column is what the algorithm needs: the transposed problem has it.
        let transposed = (0..<columnCount).map { column in costs.map { $0[column] } }
        var result = [Int?](repeating: nil, count: costs.count)
        for (column, row) in solve(transposed, columnCount: costs.count).enumerated() {
            if let row { result[row] = column }
        }
        return result
    }

    private static func solve(_ costs: [[Double]], columnCount: Int) -> [Int?] {
        var rowDual = [Double](repeating: 0, count: costs.count)
        var columnDual = [Double](repeating: 0, count: columnCount)
        var columnOfRow = [Int?](repeating: nil, count: costs.count)
        var rowOfColumn = [Int?](repeating: nil, count: columnCount)

        for start in costs.indices {
            var distance = [Double](repeating: .infinity, count: columnCount)
            var previousRow = [Int](repeating: start, count: columnCount)
            var isRowReached = [Bool](repeating: false, count: costs.count)
            var isColumnDone = [Bool](repeating: false, count: columnCount)
            var row = start
            var shortest = 0.0
            var sink: Int?
            while sink == nil {
                isRowReached[row] = true
                var nearest = -1
                var least = Double.infinity
                for column in 0..<columnCount where !isColumnDone[column] {
                    let length = shortest + costs[row][column] - rowDual[row] - columnDual[column]
                    if length < distance[column] {
                        distance[column] = length
                        previousRow[column] = row
                    }
                    // Among equals a free column ends the search.
                    if distance[column] < least || (distance[column] == least && rowOfColumn[column] == nil) {
                        least = distance[column]
                        nearest = column
                    }
                }
                shortest = least
                isColumnDone[nearest] = true
                if let next = rowOfColumn[nearest] { row = next } else { sink = nearest }
            }

            rowDual[start] += shortest
            for other in costs.indices where isRowReached[other] && other != start {
                if let column = columnOfRow[other] { rowDual[other] += shortest - distance[column] }
            }
            for column in 0..<columnCount where isColumnDone[column] {
                columnDual[column] -= shortest - distance[column]
            }

            var column = sink
            while let end = column {
                let owner = previousRow[end]
                rowOfColumn[end] = owner
                (column, columnOfRow[owner]) = (columnOfRow[owner], end)
                if owner == start { break }
            }
        }
        return columnOfRow
    }
}
