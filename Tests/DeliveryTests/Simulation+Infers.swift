import Delivery
import Messages

extension Simulation {
    static let moveAfter = Duration.milliseconds(30)

    /// One infer, and what ingest knows of it.
    struct Infer {
        let endpoint: String
        /// Its process: each life has its own ledgers.
        var generation = 0
        var isDown = false
        var ledgers: [SessionID: InferLedger<FrameHeader>] = [:]
        var processed: [SessionID: SequenceNumber] = [:]
        /// What it remembers of sessions and was told of them: the last frame that somebody looked at.
        var memories: [SessionID: SequenceNumber] = [:]
        var told: [SessionID: SequenceNumber] = [:]

        var isListed = true
        var isConnected = false
        /// The life that ingest is connected to.
        var link = 0
        var probation = Probation<SessionID>()
        /// When the last message to it arrives.
        var lastArrival = start
        /// How long it stays away when it is lost next.
        var outage: Duration?
    }

    static func name(of stream: Int) -> StreamName {
        guard let name = try? StreamName("stream\(stream)") else { preconditionFailure("no name") }
        return name
    }

    func infer(of session: SessionID) -> Int? {
        guard let endpoint = placements[session]?.infer else { return nil }
        return infers.firstIndex { $0.endpoint == endpoint }
    }

    // MARK: - What infers do

    mutating func receive(_ header: FrameHeader, _ infer: Int) {
        let session = header.session
        let verdict = infers[infer].ledgers[session, default: InferLedger()].receive(header)
        if infers[infer].ledgers[session]?.hasSkipped == true { infers[infer].memories[session] = nil }
        switch verdict {
        case .process:
            let header = remember(header, infer)
            if let last = infers[infer].processed[session], header.sequence <= last {
                violation = "infer \(infer) processed \(header.sequence) after \(last)"
            }
            infers[infer].processed[session] = header.sequence
            schedule(
                .inferred(header, infer: infer, generation: infers[infer].generation),
                in: random.duration(upTo: .milliseconds(80)))
        case .answer(let answer): transmit(.toSink(answer))
        case .ignore: break
        }
    }

    /// Goes on with what is known of the session, as a tracker does. Whoever moves must not lose it.
    ///
    /// - Returns: the frame with what is known after it: its own number, and that of the frame before which was known.
    private mutating func remember(_ header: FrameHeader, _ infer: Int) -> FrameHeader {
        let session = header.session
        var header = header
        if let told = header.sessionState.first { infers[infer].told[session] = SequenceNumber(UInt64(told)) }
        header.sessionState = []
        guard header.drop == nil, !header.isEnd else { return header }
        let told = infers[infer].told.removeValue(forKey: session)
        let last = infers[infer].memories[session] ?? told
        infers[infer].memories[session] = header.sequence
        header.sessionState = [UInt8(header.sequence.value)] + (last.map { [UInt8($0.value)] } ?? [])
        return header
    }

    mutating func inferred(_ header: FrameHeader, _ infer: Int) {
        if header.drop == nil, !header.isEnd {
            if let frame = header.cameraFrame?.value, poison.contains(frame) {
                kills += 1
                return crashInfer(infer)
            }
            computed[header.session, default: [:]][header.sequence, default: 0] += 1
        }
        if infers[infer].ledgers[header.session]?.finish(header.sequence, with: header) == true {
            transmit(.toSink(header))
        }
    }

    mutating func crashInfer(_ infer: Int) {
        infers[infer].ledgers = [:]
        infers[infer].generation += 1
        infers[infer].processed = [:]
        infers[infer].memories = [:]
        infers[infer].told = [:]
        if weather.noticesCrashes { schedule(.inferLost(infer), in: random.duration(upTo: .milliseconds(2))) }
    }

    mutating func beginOutage() {
        let infer = Int.random(in: 0..<infers.count, using: &random)
        guard !infers[infer].isDown else { return }
        infers[infer].isDown = true
        infers[infer].outage = random.duration(upTo: .milliseconds(600))
        crashInfer(infer)
    }

    // MARK: - What ingest knows of them

    /// A new ingest finds those that are there at once.
    mutating func connectAll() {
        membership = Membership(moveAfter: Self.moveAfter)
        (followed, movedFor) = (0, [:])
        _ = membership.list(infers.filter(\.isListed).map(\.endpoint), at: clock)
        for infer in infers.indices {
            infers[infer].isConnected = false
            infers[infer].probation = Probation()
            if !infers[infer].isDown { connect(infer) }
        }
    }

    /// Whether it has a session.
    func isInUse(_ infer: Int) -> Bool { live.contains { self.infer(of: $0) == infer } }

    mutating func connect(_ infer: Int) {
        infers[infer].isDown = false
        guard infers[infer].isListed || isInUse(infer) else { return }
        infers[infer].isConnected = true
        infers[infer].link = infers[infer].generation
        membership.connected(infers[infer].endpoint, at: clock)
        followAll()
    }

    mutating func noteInferLost(_ infer: Int) {
        infers[infer].isConnected = false
        membership.lost(infers[infer].endpoint, at: clock)
        let sessions = live.filter { self.infer(of: $0) == infer }
        let inFlight = sessions.reduce(0) { $0 + windows[$1]!.inFlightCount }
        for session in sessions {
            let loss = windows[session]!.inferLost(isAlone: windows[session]!.inFlightCount == inFlight)
            resends += loss.resends
            guard let header = loss.givenUp else { continue }
            givenUp[session, default: []].insert(header.sequence)
            if weather.hasSpool { journal(header, feeder: nil) }
        }
        infers[infer].probation.begin(sessions.filter { windows[$0]!.isSuspect })
        for session in sessions where !windows[session]!.isSuspect { _ = infers[infer].probation.clear(session) }
        let away = infers[infer].outage ?? random.duration(upTo: .milliseconds(100))
        infers[infer].outage = nil
        schedule(.inferBack(infer, generation: infers[infer].generation), in: away)
        followAll()
    }

    /// Puts an infer on the list or takes it off, or exchanges all of them.
    mutating func changeList() {
        if random.chance(0.2) {
            for infer in infers.indices { infers[infer].isListed.toggle() }
        } else {
            infers[Int.random(in: 0..<infers.count, using: &random)].isListed.toggle()
        }
        if !infers.contains(where: \.isListed) {
            infers[Int.random(in: 0..<infers.count, using: &random)].isListed = true
        }
        let (joined, left) = membership.list(infers.filter(\.isListed).map(\.endpoint), at: clock)
        guard !joined.isEmpty || !left.isEmpty else { return }
        changes += 1
        for infer in infers.indices
        where infers[infer].isListed && !infers[infer].isConnected && !infers[infer].isDown {
            schedule(
                .inferBack(infer, generation: infers[infer].generation), in: random.duration(upTo: .milliseconds(20)))
        }
        followAll()
    }

    mutating func advanceMembership() {
        changes += membership.advance(at: clock).count
        followAll()
    }

    mutating func followAll() {
        let isNews = followed != membership.version
        followed = membership.version
        for session in live where isNews || placements[session]?.move != nil { follow(session) }
        // Who has left and has no session any more is disconnected.
        for infer in infers.indices
        where !infers[infer].isListed && infers[infer].isConnected && !isInUse(infer) {
            infers[infer].isConnected = false
            infers[infer].probation = Probation()
            membership.lost(infers[infer].endpoint, at: clock)
        }
    }

    mutating func follow(_ session: SessionID) {
        guard let stream = streamOf[session], let from = infer(of: session) else {
            return violation = "session \(session) has no infer"
        }
        let isWaiting = placements[session]?.move != nil
        if !isWaiting { beganFor[session] = changes }
        for step in placements[session]!.follow(
            membership, stream: Self.name(of: stream), window: &windows[session]!, at: clock)
        {
            guard case .arrived(let move, let resent) = step, let to = infer(of: session) else { continue }
            moves[move.reason, default: 0] += 1
            resends += resent
            if isWaiting { drains += 1 }
            if movedFor[session] == beganFor[session] { violation = "stream \(stream) moved twice for one change" }
            if !infers[to].isConnected { violation = "stream \(stream) moved to an infer that is out of reach" }
            movedFor[session] = beganFor[session]
            _ = infers[from].probation.clear(session)
            if windows[session]!.isSuspect { infers[to].probation.begin([session]) }
        }
    }
}
