/// The nearest of some names to one that is none of them, for "did you mean": nil where none is near.
func nearest(to name: String, among names: some Sequence<String>) -> String? {
    // What people write otherwise: window_frames, WINDOW-FRAMES, windowFrames.
    let plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
    guard !plain.isEmpty, plain.count <= 64 else { return nil }
    let ranked = names.map { (name: $0, distance: distance(plain, $0.filter { $0 != "-" })) }
        .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
    guard let ranked, ranked.distance <= max(1, plain.count / 3) else { return nil }
    return ranked.name
}

/// The same as the end of a sentence; empty where none is near.
func didYouMean(_ name: String, among names: some Sequence<String>) -> String {
    nearest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
}

/// How many letters have to be put in, left out, exchanged or swapped with their neighbour (Damerau-Levenshtein, optimal
/// string alignment).
private func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left), Array(right))
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var before: [Int] = []
    var last = Array(0...right.count)
    for row in 1...left.count {
        var this = [row]
        for column in 1...right.count {
            let isSame = left[row - 1] == right[column - 1]
            var cost = min(last[column] + 1, this[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
            if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                cost = min(cost, before[column - 2] + 1)
            }
            this.append(cost)
        }
        (before, last) = (last, this)
    }
    return last[right.count]
}
