internal import Foundation
internal import Synchronization

/// One line on standard error that is rewritten in place, with room for whole lines above it. Where standard error is
/// no terminal, the line is printed at long intervals instead.
final class ProgressLine: Sendable {
    private struct State {
        var shown = ""
        var lastPrinted = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let interval: Duration

    /// A line.
    ///
    /// - Parameter interval: how often the line is printed where it cannot be rewritten.
    init(interval: Duration = .seconds(5)) {
        self.interval = interval
    }

    /// Shows `text` in place of what was shown before.
    func update(_ text: String) {
        state.withLock { state in
            if isTerminal {
                state.shown = String(text.prefix(columns() - 1))
                write("\r\u{1B}[K" + state.shown)
            } else if .now - state.lastPrinted >= interval {
                state.lastPrinted = .now
                write(text + "\n")
            }
        }
    }

    /// Prints a whole line above the progress.
    func print(_ line: String) {
        state.withLock { state in
            write(state.shown.isEmpty ? line + "\n" : "\r\u{1B}[K" + line + "\n" + state.shown)
        }
    }

    /// Takes the progress away.
    func clear() {
        state.withLock { state in
            if !state.shown.isEmpty { write("\r\u{1B}[K") }
            state.shown = ""
        }
    }

    private func columns() -> Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
