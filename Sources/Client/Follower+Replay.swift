internal import Foundation
internal import Messages

extension Follower {
    /// A request for what is missing, as it was sent.
    struct Request {
        let stream: StreamName
        /// Nil asks for the stream's latest session.
        let session: SessionID?
        let first: SequenceNumber
        let last: SequenceNumber?
        /// What was known of the session when the request was made.
        let seen: SequenceNumber
        let wasLatest: Bool
        let wasEndKnown: Bool
        /// When something of the answer last came.
        var heardAt: Instant
        /// Whether it was asked only because nothing was heard for a while.
        var isProbe = false
        var outcomes = 0
        var unreadable = 0
    }

    /// What to ask the sink for now, if anything. One request is under way at a time.
    package mutating func nextRequest(at now: Instant) -> [UInt8]? {
        guard request == nil, now >= scanAt, options.replays else { return nil }
        var earliest: Instant?
        var session: Session?
        var stream: StreamName?
        for candidate in Array(sessions.values) {
            if isSettled(candidate, at: now) {
                forget(candidate)
                continue
            }
            let due = due(candidate)
            if earliest.map({ due < $0 }) ?? true { (earliest, session) = (due, candidate) }
        }
        if options.streams != nil, !options.startsLive {
            for (name, candidate) in streams where candidate.latest == nil {
                if earliest.map({ candidate.retryAt < $0 }) ?? true {
                    (earliest, session, stream) = (candidate.retryAt, nil, name)
                }
            }
        }
        scanAt = earliest ?? now + .seconds(3600)
        guard let earliest, earliest <= now else { return nil }
        var made: Request
        if let session {
            made = Request(
                stream: session.stream, session: session.id, first: session.next,
                last: session.pending.keys.min()?.advanced(by: -1), seen: session.seen,
                wasLatest: streams[session.stream]?.latest == session.id, wasEndKnown: session.end != nil, heardAt: now)
            made.isProbe = !session.isUrgent && !session.hasGap && session.next > .first
            session.isUrgent = false
        } else if let stream {
            made = Request(
                stream: stream, session: nil, first: .first, last: nil, seen: .first, wasLatest: true,
                wasEndKnown: false, heardAt: now)
        } else {
            return nil
        }
        request = made
        return made.json()
    }

    /// A part of the answer to the request under way.
    package mutating func noteReplay(_ bytes: [UInt8], at now: Instant) {
        guard let current = request else { return }
        request?.heardAt = now
        if let end = ReplayEnd(bytes) {
            request = nil
            scanAt = now
            close(current, end, at: now)
            return
        }
        guard let outcome = try? Outcome(wire: bytes) else {
            statistics.unreadable += 1
            request?.unreadable += 1
            return
        }
        let header = outcome.frame
        guard find(header.session, of: header.stream, from: .first, at: now), let next = sessions[header.session]?.next
        else { return }
        statistics.replayed += 1
        request?.outcomes += 1
        sessions[header.session]?.newsAt = now
        // What an answer begins after is not in the store. A hole within it was lost on the way and is asked for again.
        if header.sequence > next, current.outcomes == 0 || current.unreadable > 0 {
            skip(header.session, to: header.sequence)
        }
        place(outcome)
    }

    /// Whether the answer to the request under way has been silent for too long.
    package func isReplayOverdue(at now: Instant) -> Bool {
        request.map { now - $0.heardAt > options.replayTimeout } ?? false
    }

    /// The request under way will not be answered any more; whatever is still missing is asked for again.
    package mutating func noteReplayLost(at now: Instant) {
        guard let lost = request else { return }
        request = nil
        scanAt = now
        retry(lost, at: now)
    }

    /// Whether the store goes on and nothing of it is published to us: the connection is dead without knowing it.
    ///
    /// True once; then it has to happen again.
    package mutating func takePublisherIsSilent() -> Bool {
        guard silentFinds >= 2 else { return false }
        silentFinds = 0
        return true
    }

    /// When to call `nextRequest` and `isReplayOverdue` again, if nothing arrives before.
    package var wakesAt: Instant {
        request.map { $0.heardAt + options.replayTimeout } ?? scanAt
    }

    private mutating func close(_ request: Request, _ end: ReplayEnd, at now: Instant) {
        guard end.error == nil, let id = request.session ?? end.session.flatMap({ SessionID($0) }),
            find(id, of: request.stream, from: .first, at: now)
        else { return retry(request, at: now) }
        if request.isProbe, request.outcomes > 0 { silentFinds += 1 }
        let after = SequenceNumber(end.next)
        // What could not be read is not asked for again.
        if request.unreadable > 0 { skip(id, to: after) }
        if let seen = sessions[id]?.seen { sessions[id]?.seen = max(seen, after) }
        if request.outcomes == 0, end.count == 0, request.seen > request.first {
            // It was published once and the store does not have it: another store under the same endpoint.
            skip(id, to: sessions[id]?.pending.keys.min() ?? request.seen)
        }
        if request.last == nil, end.ended == true, sessions[id]?.end == nil {
            sessions[id]?.end = SessionEvent(
                .end, stream: request.stream, session: id, poses: Int(end.poses ?? 0), drops: Int(end.drops ?? 0))
        }
        // An answer from before the end may lack the last outcomes.
        let isWhole = request.last == nil && (request.wasEndKnown || end.ended == true)
        if isWhole, sessions[id]?.hasGap == false { finish(id) }
        followChain(from: id, request, end, at: now)
        guard let session = sessions[id] else { return }
        let wait =
            session.next > request.first
            ? options.probe.lowerBound : min(session.wait * 2, options.probe.upperBound)
        sessions[id]?.wait = wait
        sessions[id]?.retryAt = session.hasGap ? now : now + wait
        if session.end != nil, !session.isEnded { urge(id, at: now) }
    }

    private mutating func followChain(from id: SessionID, _ request: Request, _ end: ReplayEnd, at now: Instant) {
        guard let successor = end.nextSession.flatMap({ SessionID($0) }) else {
            // A sink that does not tell successors: the later session is known already.
            if !request.wasLatest { sessions[id]?.hasSuccessor = true }
            return
        }
        sessions[id]?.hasSuccessor = true
        guard sessions[successor] == nil, past[successor] == nil else { return }
        let isLatest = streams[request.stream]?.latest == id
        add(successor, of: request.stream, from: .first, at: now, isLatest: isLatest)
        urge(successor, at: now)
    }

    private mutating func retry(_ request: Request, at now: Instant) {
        if let id = request.session {
            guard let session = sessions[id] else { return }
            sessions[id]?.retryAt = now + session.wait / 4
            sessions[id]?.wait = min(session.wait * 2, options.probe.upperBound)
            sessions[id]?.isUrgent = true
        } else if let stream = streams[request.stream] {
            let longer = min(stream.wait * 2, options.probe.upperBound)
            streams[request.stream] = Stream(latest: stream.latest, retryAt: now + stream.wait, wait: longer)
        }
    }
}

extension Follower.Request {
    /// The request as the sink reads it.
    fileprivate func json() -> [UInt8] {
        struct Wire: Encodable {
            let stream: String
            let session: String?
            let from: UInt64
            let to: UInt64?
            let format = "pb"
        }
        let wire = Wire(
            stream: stream.description, session: session?.description, from: first.value, to: last?.value)
        do {
            return try Array(JSONEncoder().encode(wire))
        } catch {
            preconditionFailure("a request of numbers and texts could not be written as JSON: \(error)")
        }
    }
}
