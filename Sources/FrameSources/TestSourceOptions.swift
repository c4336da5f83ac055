internal import Foundation

/// What `test:` renders: `test:?frames=300&width=640&height=480&fps=30&seed=1&persons=1&realtime=no&quality=90`.
///
/// Every key may be left out; these are the defaults. `frames=0` never ends. With `realtime=yes` frames come at `fps`
/// and count as live, otherwise as fast as they are asked for.
package struct TestSourceOptions: Sendable, Equatable {
    package var frames = 300
    package var width = 640
    package var height = 480
    package var frameRate = 30.0
    package var seed = 1
    package var persons = 1
    package var isRealTime = false
    /// JPEG quality, 1…100.
    package var quality = 90

    package init() {}

    /// - Throws: `FrameSourceError` that names the key and the values it takes.
    package init(parsing text: String) throws(FrameSourceError) {
        var rest = text.dropFirst("test".count)
        if rest.first == ":" { rest.removeFirst() }
        if rest.first == "?" { rest.removeFirst() }
        for item in rest.split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw FrameSourceError("\(text): \(item) is not of the form key=value") }
            let (key, value) = (parts[0], parts[1])
            func integer(_ range: ClosedRange<Int>) throws(FrameSourceError) -> Int {
                guard let number = Int(value), range ~= number else {
                    throw FrameSourceError(
                        "\(text): \(key) has to be a whole number from \(range.lowerBound) to \(range.upperBound)")
                }
                return number
            }
            switch key {
            case "frames": frames = try integer(0...1_000_000_000)
            case "width": width = try integer(64...4096)
            case "height": height = try integer(64...4096)
            case "seed": seed = try integer(0...1_000_000_000)
            case "persons": persons = try integer(0...8)
            case "quality": quality = try integer(1...100)
            case "fps":
                guard let rate = Double(value), 0.1...1000 ~= rate else {
                    throw FrameSourceError("\(text): fps has to be a number from 0.1 to 1000")
                }
                frameRate = rate
            case "realtime":
                guard ["yes", "no", "1", "0", "true", "false"].contains(value) else {
                    throw FrameSourceError("\(text): realtime has to be yes or no")
                }
                isRealTime = ["yes", "1", "true"].contains(value)
            default:
                throw FrameSourceError(
                    "\(text): there is no option \(key); there are frames, width, height, fps, seed, persons, "
                        + "realtime, quality")
            }
        }
    }
}
