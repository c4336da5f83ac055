internal import Foundation
internal import Overview

/// A terminal's whole screen, drawn anew in place; what was on it before comes back at the end.
struct LiveScreen {
    /// Whether standard output is a terminal that can do it.
    static var isPossible: Bool {
        isatty(STDOUT_FILENO) == 1 && (environment["TERM"] ?? "dumb") != "dumb"
    }

    /// Of the terminal; where there is none, of one that is wide.
    static var columns: Int { isatty(STDOUT_FILENO) == 1 ? size.columns : 160 }

    /// Of the terminal.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    private static var environment: [String: String] { ProcessInfo.processInfo.environment }
    /// https://no-color.org
    private let isColoured = (Self.environment["NO_COLOR"] ?? "").isEmpty

    /// Takes the screen.
    init() {
        // The other screen, no cursor, no breaking of lines.
        Self.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l")
    }

    /// Gives it back.
    func close() {
        Self.write("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
    }

    /// Shows lines, from the top, and below them when they were drawn.
    func draw(_ lines: [StatusScreen.Line]) {
        let rows = Self.size.rows
        let time = Date.now.formatted(
            .verbatim(
                "\(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits)",
                timeZone: .current, calendar: .current))
        var text = "\u{1B}[H"
        // Each line is cleared before it is written: behind one as wide as the screen the cursor stands on its last character.
        for line in lines.prefix(max(1, rows - 2)) { text += "\u{1B}[2K" + coloured(line) + "\r\n" }
        text += "\u{1B}[2K\r\n\u{1B}[J" + coloured("\(time), every second; Ctrl-C ends it", "2")
        Self.write(text)
    }

    private func coloured(_ line: StatusScreen.Line) -> String {
        switch line.tone {
        case .plain: line.text
        case .heading: coloured(line.text, "1")
        case .good: coloured(line.text, "32")
        case .warning: coloured(line.text, "33")
        case .bad: coloured(line.text, "31")
        case .faint: coloured(line.text, "2")
        }
    }

    private func coloured(_ text: String, _ code: String) -> String {
        isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    private static func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
