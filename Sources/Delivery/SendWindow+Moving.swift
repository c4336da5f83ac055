extension SendWindow {
    /// Sends nothing more that the infer does not have yet: its session is to go on at another one. What was sent to it may be
    /// sent to it again.
    package mutating func holdBack() {
        heldFrom = max(given, entries.start)
    }

    /// Goes on at the infer that has it.
    package mutating func goOn() {
        heldFrom = nil
    }

    /// Whether everything that the infer was given is acknowledged.
    package var isHandedBack: Bool { entries.start >= given }

    /// The session goes on at another infer: begins there at the oldest unacknowledged entry, with what is known of the session.
    ///
    /// - Returns: how many entries are sent again, for the infer that is left had them.
    package mutating func handOver() -> Int {
        heldFrom = nil
        given = entries.start
        return resendAll()
    }

    /// How long nothing may be acknowledged until something must have been lost.
    package var patience: Duration { retry.timeout }
}
