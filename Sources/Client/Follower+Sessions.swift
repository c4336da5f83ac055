internal import Messages

extension Follower {
    /// Makes sure that a session is followed, from `first` on where it is new.
    ///
    /// - Returns: false where the session is over.
    mutating func find(
        _ id: SessionID, of stream: StreamName, from first: SequenceNumber, at now: Instant
    ) -> Bool {
        if sessions[id] != nil { return true }
        if let known = past[id] {
            guard !known.isEnded else { return false }
            past[id] = nil
            pastOrder.removeAll { $0 == id }
            add(id, of: stream, from: known.next, at: now, isLatest: false)
            sessions[id]?.hasSuccessor = true
            return true
        }
        add(id, of: stream, from: first, at: now)
        return true
    }

    /// Begins to follow a session.
    mutating func add(
        _ id: SessionID, of stream: StreamName, from first: SequenceNumber, at now: Instant, isLatest: Bool = true
    ) {
        while sessions.count >= options.maxSessions, let oldest = sessions.values.min(by: { $0.newsAt < $1.newsAt }) {
            forget(oldest)
        }
        let wait = options.probe.lowerBound
        let previous = streams[stream]?.latest
        if isLatest || previous == nil {
            // Were there others in between? The one that was the latest so far is asked for its successor.
            if let previous { urge(previous, at: now) }
            streams[stream, default: Stream(retryAt: now, wait: wait)].latest = id
        }
        sessions[id] = Session(id, of: stream, from: first, wait: wait, at: now)
        scanAt = min(scanAt, now + wait)
    }

    /// Has the sink asked about a session soon.
    mutating func urge(_ id: SessionID, at now: Instant) {
        guard let session = sessions[id] else { return }
        sessions[id]?.isUrgent = true
        sessions[id]?.retryAt = min(session.retryAt, now)
        scanAt = min(scanAt, now)
    }

    /// When the sink is to be asked about a session.
    func due(_ session: Session) -> Instant {
        let isLatest = streams[session.stream]?.latest == session.id
        if session.isUrgent || session.hasGap || !(isLatest || session.hasSuccessor) { return session.retryAt }
        if session.isEnded, session.hasSuccessor { return session.newsAt + options.abandonAfter }
        return max(session.retryAt, session.newsAt + options.probe.lowerBound)
    }

    /// Whether nothing more is expected of a session, so that it can be forgotten.
    func isSettled(_ session: Session, at now: Instant) -> Bool {
        guard session.given >= session.next, !session.hasGap, session.hasSuccessor,
            streams[session.stream]?.latest != session.id
        else { return false }
        if session.isEnded { return session.isEndGiven }
        return session.end == nil && now - session.newsAt > options.abandonAfter
    }

    /// Forgets a session but for where it stands.
    mutating func forget(_ session: Session) {
        sessions[session.id] = nil
        pendingCount -= session.pending.count
        if streams[session.stream]?.latest == session.id { streams[session.stream]?.latest = nil }
        if options.streams == nil, streams[session.stream]?.latest == nil { streams[session.stream] = nil }
        past[session.id] = (session.next, session.isEnded)
        pastOrder.append(session.id)
        while pastOrder.count > options.maxSessions { past[pastOrder.removeFirst()] = nil }
    }
}
