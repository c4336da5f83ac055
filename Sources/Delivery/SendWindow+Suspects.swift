public import Messages

extension SendWindow {
    /// What `inferLost` did.
    public struct Loss {
        /// How many entries will be sent again.
        public var resends = 0
        /// The frame that was given up, as the record of a drop that it is now.
        public var givenUp: FrameHeader?
    }

    /// Frames that were with an infer each time it was lost, so often that one more loss could be theirs.
    ///
    /// While there are any, one frame at a time is sent; the caller sees to it that other sessions send none to the same
    /// infer meanwhile (`Probation`).
    @inlinable public var isSuspect: Bool { suspectCount > 0 }

    /// The infer that had these frames was lost, and with it what it held: begins again at the oldest unacknowledged
    /// entry, and counts the loss against every frame that was in flight.
    ///
    /// A single loss says nothing about a frame: machines are restarted. A frame that was there at two in a row, without
    /// an acknowledgement in between, is sent alone from then on; when infer is lost for the third time with nothing
    /// else in hand, it is that frame, and it becomes the record of a drop. Innocent frames that travelled with it are
    /// acknowledged one by one and lose their suspicion with that.
    ///
    /// - Parameter isAlone: whether no other session had a frame with that infer.
    package mutating func inferLost(isAlone: Bool) -> Loss {
        var loss = Loss()
        let wasSingle = inFlightCount == 1
        var sequence = entries.start
        while sequence < cursor {
            defer { sequence = sequence.next }
            guard entries[sequence].payload != nil else { continue }
            entries[sequence].losses += 1
            let losses = entries[sequence].losses
            if losses >= limits.losses, wasSingle, isAlone {
                if isMarked(losses - 1) { suspectCount -= 1 }
                giveUp(sequence, losses: losses)
                loss.givenUp = entries[sequence].header
            } else if isMarked(losses), !isMarked(losses - 1) {
                suspectCount += 1
            }
        }
        given = entries.start
        loss.resends = resendAll()
        return loss
    }

    /// Whether so many losses make a suspect.
    @inlinable func isMarked(_ losses: Int) -> Bool {
        losses >= max(1, limits.losses - 1)
    }

    private mutating func giveUp(_ sequence: SequenceNumber, losses: Int) {
        frameCount -= 1
        byteCount -= entries[sequence].bytes
        inFlightCount -= 1
        inFlightBytes -= entries[sequence].bytes
        recordCount += 1
        entries[sequence].payload = nil
        entries[sequence].bytes = 0
        entries[sequence].header.payload = .none
        entries[sequence].header.drop = Drop(
            stage: .ingest, reason: .inferenceFailed,
            detail: "infer was lost \(losses) times while it worked on this frame")
    }
}
