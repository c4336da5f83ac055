/// Pairs of two sets, each member in at most one, whose gains add up to the most; who gains nothing stays alone.
///
/// Shortest augmenting paths with dual variables (D. F. Crouse, "On implementing 2D rectangular assignment algorithms", 2016)
/// over the few pairs that are possible at all, with a private partner of gain 0 for each member of the left: exact, and
/// as good as linear where possible pairs are few and local, as fragments near each other in time are.
package enum Matching {
    /// - Parameters:
    ///   - pairs: for each member of the left, its possible partners on the right and what each would gain, above 0.
    ///   - rights: how many members the right has.
    /// - Returns: for each member of the left its partner, or nil.
    package static func partners(_ pairs: [[(right: Int, gain: Double)]], rights: Int) -> [Int?] {
        // Column `rights + i` is left i's private one.
        let columns = rights + pairs.count
        let edges = pairs.enumerated().map { left, pairs -> [(column: Int, cost: Double)] in
            pairs.map { (column: $0.right, cost: -$0.gain) } + [(column: rights + left, cost: 0)]
        }
        var rowDual = edges.map { edges in edges.map(\.cost).min() ?? 0 }
        var columnDual = [Double](repeating: 0, count: columns)
        var columnOfRow = [Int?](repeating: nil, count: edges.count)
        var rowOfColumn = [Int?](repeating: nil, count: columns)
        var distance = [Double](repeating: .infinity, count: columns)
        var previous = [Int](repeating: 0, count: columns)

        for start in edges.indices {
            var open: [Int] = []
            var done: [Int] = []
            var rows = [start]
            var row = start
            var shortest = 0.0
            var sink = -1
            while sink < 0 {
                for (column, cost) in edges[row] {
                    let length = shortest + cost - rowDual[row] - columnDual[column]
                    // What is done has its shortest distance: nothing is negative here.
                    guard length < distance[column] - 1e-12, !done.contains(column) else { continue }
                    if distance[column] == .infinity { open.append(column) }
                    distance[column] = length
                    previous[column] = row
                }
                // The private column of `start` is always open, so there is one.
                let nearest = open.indices.min { distance[open[$0]] < distance[open[$1]] } ?? 0
                let column = open.remove(at: nearest)
                shortest = distance[column]
                done.append(column)
                if let next = rowOfColumn[column] {
                    row = next
                    rows.append(next)
                } else {
                    sink = column
                }
            }
            rowDual[start] += shortest
            for other in rows.dropFirst() { rowDual[other] += shortest - distance[columnOfRow[other] ?? sink] }
            for column in done { columnDual[column] -= shortest - distance[column] }
            var column = sink
            while true {
                let owner = previous[column]
                rowOfColumn[column] = owner
                let released = columnOfRow[owner]
                columnOfRow[owner] = column
                guard owner != start, let released else { break }
                column = released
            }
            for column in open + done { distance[column] = .infinity }
        }
        return columnOfRow.map { column in column.flatMap { $0 < rights ? $0 : nil } }
    }
}
