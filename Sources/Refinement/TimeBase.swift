internal import Foundation

/// A frame on the session's axis of time, before it is known what its times are worth.
///
/// Times of capture come from cameras' clocks, which stand still and jump back. An interval that is none is left out of
/// `seconds` and counted, to be replaced by the usual interval once that is known: so one pass through the session is
/// enough to know every time later.
package struct Tick: Sendable, Equatable {
    /// The frame's number.
    package var sequence: UInt64
    /// Intervals since the first frame that are plausible, in seconds.
    package var seconds: Double
    /// Frames since the first whose interval is not.
    package var substituted: Double
}

/// Gives the frames of a session their ticks, in order.
package struct FrameClock {
    private var last: (sequence: UInt64, nanoseconds: Int64, tick: Tick)?
    package private(set) var intervals = IntervalHistogram()

    /// At a session's beginning.
    package init() {}

    /// The tick of the next frame, a drop included.
    package mutating func tick(sequence: UInt64, nanoseconds: Int64) -> Tick {
        guard let last else {
            let tick = Tick(sequence: sequence, seconds: 0, substituted: 0)
            self.last = (sequence, nanoseconds, tick)
            return tick
        }
        var tick = last.tick
        tick.sequence = sequence
        let frames = Double(sequence - last.sequence)
        let seconds = (Double(nanoseconds) - Double(last.nanoseconds)) / 1e9
        if seconds > 0 { tick.seconds += seconds } else { tick.substituted += frames }
        intervals.add(seconds / frames)
        self.last = (sequence, nanoseconds, tick)
        return tick
    }
}

/// Intervals between frames, counted in 512 classes of equal ratio from 1 µs to 1000 s: quantiles to 2 % of any number of
/// them in constant memory.
package struct IntervalHistogram {
    private var counts = [Int](repeating: 0, count: 512)
    private(set) var total = 0
    /// Intervals that are none: zero or backwards.
    private(set) var impossible = 0

    private static let decades = 9.0

    mutating func add(_ seconds: Double) {
        total += 1
        guard seconds > 0 else { return impossible += 1 }
        let place = (log10(seconds) + 6) / Self.decades * Double(counts.count)
        counts[min(max(Int(place), 0), counts.count - 1)] += 1
    }

    /// The interval that `share` of the possible ones do not exceed.
    func quantile(_ share: Double) -> Double {
        var left = Int(share * Double(total - impossible))
        for (index, count) in counts.enumerated() {
            left -= count
            if left < 0 { return pow(10, (Double(index) + 0.5) / Double(counts.count) * Self.decades - 6) }
        }
        return 0
    }
}

/// What time means in a session.
package struct TimeBase: Sendable, Equatable {
    /// False where the frames' times are of no use, and frames count as evenly spaced.
    package let usesCaptureTimes: Bool
    /// The usual time between two frames, in seconds.
    package let interval: Double

    /// Frames a second where nothing says better.
    static let nominalRate = 30.0

    /// Judges a session's times. Frames of a camera are spaced almost evenly. Times that were given at arrival, of frames that
    /// came as fast as they could be taken, are not: they say when the network had room, and a person's speed computed
    /// from them would be noise. The middle half of the intervals must lie within a factor of three.
    package init(_ intervals: IntervalHistogram, frameRate: Double?) {
        let usual = intervals.quantile(0.5)
        let isEven = intervals.quantile(0.75) <= 3 * intervals.quantile(0.25)
        let isPossible = intervals.impossible * 10 <= intervals.total
        usesCaptureTimes =
            frameRate == nil && intervals.total >= 2 && isPossible && isEven && (5e-4...10).contains(usual)
        interval = usesCaptureTimes ? usual : 1 / (frameRate ?? Self.nominalRate)
    }

    /// Seconds on the session's axis.
    package func seconds(_ tick: Tick) -> Double {
        usesCaptureTimes ? tick.seconds + tick.substituted * interval : Double(tick.sequence) * interval
    }
}
