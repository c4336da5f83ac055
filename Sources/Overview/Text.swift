internal import Foundation

/// The number with a fixed count of decimals, whatever the locale.
func fixed(_ number: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", number)
}

/// Bytes as people read them: 850 kB, 12.3 GB.
func bytes(_ number: Double) -> String {
    var (number, unit) = (number / 1000, "kB")
    for larger in ["MB", "GB", "TB"] where number >= 1000 { (number, unit) = (number / 1000, larger) }
    return "\(fixed(number, number < 10 ? 1 : 0)) \(unit)"
}

/// A count with a k or an M where it is long.
func short(_ number: Double) -> String {
    switch number {
    case ..<10_000: "\(Int(number))"
    case ..<1_000_000: "\(fixed(number / 1000, 1))k"
    default: "\(fixed(number / 1_000_000, 1))M"
    }
}

/// How many columns of a terminal a text takes.
func width(_ text: some StringProtocol) -> Int {
    text.reduce(0) { $0 + width($1) }
}

private func width(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first, scalar.value >= 0x300 else { return 1 }
    if (0x300...0x36f).contains(scalar.value) || scalar.value == 0x200b { return 0 }
    // Unicode's East Asian wide blocks, and emoji.
    let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
        0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd,
    ]
    return wide.contains { $0.contains(scalar.value) } || scalar.properties.isEmojiPresentation ? 2 : 1
}

/// As much of a text as fits, with an ellipsis where something is cut off.
func cut(_ text: String, to columns: Int) -> String {
    guard width(text) > columns else { return text }
    var kept = ""
    var used = 0
    for character in text {
        let next = width(character)
        guard used + next < columns else { break }
        kept.append(character)
        used += next
    }
    return columns > 0 ? kept + "…" : ""
}

/// Breaks a text into lines between its words.
func wrapped(_ text: String, to columns: Int) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
        let last = lines[lines.count - 1]
        if last.isEmpty {
            lines[lines.count - 1] = String(word)
        } else if width(last) + 1 + width(word) <= columns {
            lines[lines.count - 1] += " \(word)"
        } else {
            lines.append(String(word))
        }
    }
    return lines.map { cut($0, to: columns) }
}

/// Rows under headings, each column as wide as its widest cell; the first is the one that gives way.
struct Table {
    enum Side { case left, right }

    let columns: [(title: String, side: Side)]
    private var rows: [[String]] = []

    init(_ columns: [(title: String, side: Side)]) {
        self.columns = columns
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells)
    }

    /// The heading's line and one line a row.
    ///
    /// Columns at the right end are left out where even a short first column leaves no room for them.
    func lines(columns limit: Int) -> (heading: String, rows: [String]) {
        var widths = columns.indices.map { index in
            max(width(columns[index].title), rows.map { width($0[index]) }.max() ?? 0)
        }
        let shortest = min(widths[0], 8)
        var shown = columns.count
        func taken(_ count: Int) -> Int { widths[1..<count].reduce(0) { $0 + $1 + 2 } }
        while shown > 2, shortest + taken(shown) > limit { shown -= 1 }
        widths[0] = max(min(shortest, limit), min(widths[0], limit - taken(shown)))
        func line(_ cells: [String]) -> String {
            let text = (0..<shown).map { index in
                let cell = cut(cells[index], to: widths[index])
                let space = String(repeating: " ", count: max(0, widths[index] - width(cell)))
                return columns[index].side == .left ? cell + space : space + cell
            }.joined(separator: "  ")
            return cut(String(text.reversed().drop { $0 == " " }.reversed()), to: limit)
        }
        return (line(columns.map(\.title)), rows.map(line))
    }
}
