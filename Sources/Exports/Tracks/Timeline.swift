internal import Messages

/// The frames of a recording: their numbers, and when they were taken.
struct Timeline {
    private(set) var sequences: [UInt64] = []
    /// Nanoseconds since 1970.
    private(set) var times: [Int64] = []

    var count: Int { sequences.count }

    /// Whether each frame is later than the one before.
    private var isForward = true

    mutating func append(_ frame: FrameHeader) {
        if let last = times.last, frame.captureTime.nanoseconds <= last { isForward = false }
        sequences.append(frame.sequence.value)
        times.append(frame.captureTime.nanoseconds)
    }

    /// What `--fps` says, or the rate of the capture times: the mean of the steps between frames, pauses left out. A rate
    /// that is a whole number but for the clock's rounding is taken to be one; 30 where the times say nothing.
    func frameRate(_ chosen: Double?) -> Double {
        if let chosen { return chosen }
        let steps = zip(times.dropFirst(), times).map { $0 &- $1 }.filter { $0 > 0 }
        guard !steps.isEmpty else { return 30 }
        let median = steps.sorted()[steps.count / 2]
        let usual = steps.filter { Double($0) <= 5 * Double(median) }
        // What is further off is no camera's: times that were made up.
        let rate = min(max(1e9 * Double(usual.count) / usual.reduce(0) { $0 + Double($1) }, 0.001), 1000)
        let whole = rate.rounded()
        return abs(rate - whole) < 5e-4 * rate ? max(whole, 1) : rate
    }

    /// Seconds from the recording's first frame, as the capture times say where they go forward, else by the rate.
    func seconds(of frame: Int, rate: Double, isFixed: Bool) -> Double {
        isFixed || !isForward ? Double(frame) / rate : Double(times[frame] &- times[0]) / 1e9
    }
}
