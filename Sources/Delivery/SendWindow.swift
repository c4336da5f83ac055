public import Messages

/// The frames of one session that the sink has not confirmed: ingest's memory, and the flow control of the pipeline.
///
/// A frame gets its sequence when it is admitted and stays until a cumulative acknowledgement covers it. Frames are
/// sent in order, some ahead of their acknowledgements; after `resendAll` all of them are sent again.
///
///     guard let sequence = window.admit(header, payload: image, bytes: image.count) else { full: hold it back }
///     while let next = window.upcoming, socket.send(next.header, next.payload) { window.sent(at: now) }
///     window.acknowledge(acknowledgement, at: now)
///
/// The session's end is one more entry after its frames, with their number as its sequence. Only an acknowledgement
/// that says `ended` removes it.
///
/// What every frame needs is `@inlinable`, and public for that alone: the module that knows the payload makes code for it,
/// where this one could only ask at run time how large an entry is.
public struct SendWindow<Payload> {
    /// What a window may hold.
    public struct Limits: Sendable, Equatable {
        /// Frames with their payloads.
        public var frames: Int
        /// Bytes of payloads. An empty window takes one frame of any size.
        public var bytes: Int
        /// Frames sent ahead of their acknowledgements.
        public var inFlight: Int
        /// Records of drops, which have no payload. Past it even a live window is full.
        public var records: Int
        /// Losses of infer with the same frame in hand after which the frame is given up.
        public var losses: Int

        public init(frames: Int, bytes: Int, inFlight: Int, records: Int = 4096, losses: Int = 3) {
            self.frames = frames
            self.bytes = bytes
            self.inFlight = inFlight
            self.records = records
            self.losses = losses
        }
    }

    /// What to send next.
    public struct Transmission {
        /// With its sequence, the oldest unacknowledged one, and how often it was sent before.
        public let header: FrameHeader
        /// Nil for drops and the end.
        public let payload: Payload?

        @inlinable init(header: FrameHeader, payload: Payload?) {
            self.header = header
            self.payload = payload
        }
    }

    @usableFromInline struct Entry {
        @usableFromInline var header: FrameHeader
        @usableFromInline var payload: Payload?
        @usableFromInline var bytes: Int
        @usableFromInline var sends: Int
        @usableFromInline var sentAt: ContinuousClock.Instant?
        /// How often infer was lost while it had this.
        @usableFromInline var losses = 0

        @inlinable init(header: FrameHeader, payload: Payload?, bytes: Int, sends: Int = 0) {
            self.header = header
            self.payload = payload
            self.bytes = bytes
            self.sends = sends
        }
    }

    public let limits: Limits
    public let delivery: Delivery
    @usableFromInline var entries = SequenceRing<Entry>(start: .first)
    /// What `upcoming` is about.
    @usableFromInline var cursor = SequenceNumber.first
    /// The first entry that was never sent.
    @usableFromInline var firstUnsent = SequenceNumber.first
    /// The end of what the infer that has the session was given, whatever is to be sent to it again.
    @usableFromInline var given = SequenceNumber.first
    /// The first entry that has to wait because the session moves to another infer; nil where it stays.
    @usableFromInline var heldFrom: SequenceNumber?
    /// Unsent entries below it are records already.
    @usableFromInline var shedCursor = SequenceNumber.first
    /// Entries that are suspected of costing infer its life.
    @usableFromInline var suspectCount = 0
    @usableFromInline var retry: RetryTimer

    /// Frames with payloads.
    @usableFromInline package internal(set) var frameCount = 0
    /// Bytes of their payloads.
    @usableFromInline package internal(set) var byteCount = 0
    /// Records of drops.
    @usableFromInline package internal(set) var recordCount = 0
    /// Frames sent and not acknowledged, since the last `resendAll`.
    @usableFromInline package internal(set) var inFlightCount = 0
    /// Bytes of their payloads.
    @usableFromInline package internal(set) var inFlightBytes = 0
    /// Frames shed so far.
    @usableFromInline package internal(set) var shedTotal = 0
    /// The first entry that must not be sent yet, because it is not on disk; nil without a spool.
    @usableFromInline package var notDurableFrom: SequenceNumber?
    /// Admitted frames that became records of drops since `takeDropped`.
    @usableFromInline var dropped: [SequenceNumber] = []
    /// What infer knew of the session after the last acknowledged frame.
    @usableFromInline var sessionState: [UInt8] = []
    /// Whether the infer may not know the session, so that it has to be told with the oldest frame.
    @usableFromInline var owesSessionState = true
    /// Whether the session's end was admitted: no more frames.
    @usableFromInline package internal(set) var isEnding = false
    /// Whether everything is acknowledged, the end included.
    @usableFromInline package internal(set) var isFinished = false

    /// An empty window, at sequence 0.
    ///
    /// - Parameter delivery: live sheds the oldest unsent frame when full, lossless says that it is full.
    @inlinable public init(limits: Limits, delivery: Delivery, retry: RetryTimer.Policy = RetryTimer.Policy()) {
        self.limits = limits
        self.delivery = delivery
        self.retry = RetryTimer(policy: retry)
    }

    /// The oldest sequence whose outcome the sink has not confirmed.
    @inlinable public var oldestUnacknowledged: SequenceNumber { entries.start }
    /// Frames admitted so far, drops included.
    @inlinable public var admittedTotal: SequenceNumber {
        isEnding ? (isFinished ? entries.end : endSequence) : entries.end
    }
    /// Whether nothing waits for an acknowledgement.
    @inlinable public var isEmpty: Bool { entries.isEmpty }
    /// How many frames, records and ends wait for an acknowledgement.
    @inlinable public var count: Int { entries.count }

    @inlinable var endSequence: SequenceNumber { entries.end.advanced(by: -1) }

    // MARK: - Admitting

    /// Takes a frame, or the record of a drop, and gives it the next sequence.
    ///
    /// - Parameters:
    ///   - header: everything about the frame; its sequence is set here. With `drop` set there is no payload.
    ///   - bytes: what the payload counts for.
    /// - Returns: its sequence, or nil where the window is full. A live window sheds instead: its oldest unsent frame
    ///   becomes a record, and where every older frame is in flight that is the new one.
    @inlinable public mutating func admit(_ header: FrameHeader, payload: Payload?, bytes: Int) -> SequenceNumber? {
        precondition(!isEnding, "a frame after the session's end")
        var entry = Entry(header: header, payload: payload, bytes: payload == nil ? 0 : bytes)
        if payload == nil {
            guard recordCount < limits.records else { return nil }
        } else {
            while !fits(bytes) {
                guard delivery == .live, recordCount < limits.records else { return nil }
                if !shedOldestUnsent() {
                    Self.shed(&entry)
                    shedTotal += 1
                    break
                }
            }
        }
        let sequence = entries.end
        entry.header.number(sequence)
        entries.append(entry)
        if entry.payload == nil {
            recordCount += 1
        } else {
            frameCount += 1
            byteCount += entry.bytes
        }
        return sequence
    }

    /// Ends the session: its last entry, which is always taken. Ending twice changes nothing.
    @inlinable public mutating func end(_ header: FrameHeader) {
        guard !isEnding else { return }
        isEnding = true
        var header = header
        header.isEnd = true
        header.payload = .none
        header.sequence = entries.end
        entries.append(Entry(header: header, payload: nil, bytes: 0))
    }

    /// The headers of admitted frames that were shed since the last call, for whoever wrote them down as frames.
    @inlinable public mutating func takeDropped() -> [FrameHeader] {
        defer { dropped.removeAll(keepingCapacity: true) }
        return dropped.filter(entries.contains).map { entries[$0].header }
    }

    /// The header of an entry that is not acknowledged yet.
    @inlinable public func header(_ sequence: SequenceNumber) -> FrameHeader {
        entries[sequence].header
    }

    @inlinable func fits(_ bytes: Int) -> Bool {
        frameCount == 0 || (frameCount < limits.frames && byteCount + bytes <= limits.bytes)
    }

    /// Turns the oldest frame that was never sent into the record of a drop. Frames already sent stay: infer may be
    /// working on them.
    @inlinable mutating func shedOldestUnsent() -> Bool {
        var candidate = max(shedCursor, firstUnsent)
        while candidate < entries.end, entries[candidate].payload == nil { candidate = candidate.next }
        shedCursor = candidate
        guard candidate < entries.end else { return false }
        frameCount -= 1
        byteCount -= entries[candidate].bytes
        recordCount += 1
        shedTotal += 1
        Self.shed(&entries[candidate])
        dropped.append(candidate)
        return true
    }

    @inlinable static func shed(_ entry: inout Entry) {
        entry.payload = nil
        entry.bytes = 0
        entry.header.payload = .none
        entry.header.drop = Drop(stage: .ingest, reason: .shed, detail: "a newer frame took its place in a full window")
    }
}

extension FrameHeader {
    /// Gives a frame its number, and a trace where its feeder gave none. Whatever becomes of it from here on carries both.
    @usableFromInline package mutating func number(_ sequence: SequenceNumber) {
        self.sequence = sequence
        if traceID == nil { traceID = TraceID(session: session, sequence: sequence) }
    }
}
