internal import Foundation
internal import Logging
internal import Messages
internal import Metering
internal import Stage
internal import Store
internal import ZeroMQ

/// A store that cannot be written, and when to try again.
struct StoreTrouble {
    let kind: StoreError.Kind
    /// What went wrong, for a person.
    let reason: String
    let since: ContinuousClock.Instant
    var pause: Duration
    var nextTry: ContinuousClock.Instant
}

extension SinkLoop {
    /// Stores the batch; then, and only then, publishes and acknowledges it.
    func commit() throws {
        if let trouble {
            guard .now >= trouble.nextTry else { return }
        }
        guard !batch.isEmpty || !acknowledgeable.isEmpty || trouble != nil else { return }
        let (entries, bodies) = storeEntries(at: .now)
        do throws(StoreError) {
            // After a failed write only what is read back is known to be there.
            if trouble?.kind == .inputOutput { try store.reopen() }
            if !entries.isEmpty {
                let start = ContinuousClock.now
                try store.append(entries)
                metrics.commit.observe(ContinuousClock.now - start)
                metrics.commitOutcomes.observe(Double(batch.count))
                internalCounters.commits += 1
            }
        } catch {
            if error.kind == .lostCommits || error.kind == .gap { throw error }
            internalCounters.failedCommits += 1
            enterTrouble(error)
            return
        }
        leaveTrouble()
        let committed = batch
        batch.removeAll(keepingCapacity: true)
        internalCounters.stored += committed.count
        try confirm(committed, bodies)
    }

    /// What the batch is in the store, and for each of its outcomes what is published of it.
    private func storeEntries(at now: Timestamp) -> (entries: [StoreEntry], bodies: [Data]) {
        var bodies: [Data] = []
        bodies.reserveCapacity(batch.count)
        var entries: [StoreEntry] = []
        entries.reserveCapacity(2 * batch.count)
        for entry in batch {
            switch entry {
            case .outcome(let pending, let session):
                let frame = pending.frame
                let body = pending.body(at: now)
                bodies.append(body)
                entries.append(.outcome(OutcomeRecord(pending.summary, body: body)))
                if let jpeg = pending.jpeg {
                    entries.append(
                        .frame(
                            FrameRecord(
                                session: frame.session, sequence: frame.sequence,
                                jpeg: jpeg.withUnsafeBytes { Data($0) })))
                }
                if let state = pending.sessionState { session.newestState = state }
            case .end(let header, let session):
                session.newestState = nil
                bodies.append(Data())
                entries.append(
                    .end(EndRecord(stream: header.stream, session: header.session, frames: header.sequence.value)))
            }
        }
        // Of each session only the latest is kept.
        for case .outcome(_, let session) in batch {
            guard let state = session.newestState else { continue }
            session.newestState = nil
            entries.append(.state(SessionStateRecord(session: session.committed.session, state: state.bytes)))
        }
        return (entries, bodies)
    }

    /// Publishes first: somebody waits for the result, ingest for nothing but room in its windows, and whoever reads the
    /// metrics for nothing at all.
    private func confirm(_ committed: [BatchEntry], _ bodies: [Data]) throws {
        for (entry, body) in zip(committed, bodies) {
            switch entry {
            case .outcome(let pending, let session):
                try announce(session)
                try results.publish(body, of: session.stream)
                if pending.summary.drop == nil { session.poses += 1 } else { session.drops += 1 }
                session.committed.next = pending.frame.sequence.next
                if let state = pending.sessionState { session.newestState = state }
                willAcknowledge(session)
            case .end(_, let session):
                session.committed.ended = true
                session.committed.sessionState = []
                session.newestState = nil
                try publishEnd(of: session)
                willAcknowledge(session)
            }
        }
        for session in acknowledgeable {
            session.isAcknowledgeable = false
            if let state = session.newestState.take() { session.committed.sessionState = state.bytes }
            try acknowledgements.publish(session.committed)
        }
        acknowledgeable.removeAll(keepingCapacity: true)
        let now = Timestamp.now
        for case .outcome(let pending, let session) in committed { count(pending.summary, of: session, at: now) }
    }

    /// Counts an outcome that is in the store.
    private func count(_ outcome: OutcomeSummary, of session: SinkSession, at now: Timestamp) {
        if let drop = outcome.drop {
            internalCounters.drops[drop.reason, default: 0] += 1
        } else {
            internalCounters.poses += 1
        }
        let meter = session.meter ?? metrics.meter(of: session.stream)
        session.meter = meter
        metrics.note(outcome, of: meter, at: now)
        logger.debug(
            "an outcome is stored",
            metadata: .frame(outcome.frame).with(["outcome": .string(outcome.drop?.reason.rawValue ?? "pose")]))
    }

    private func publishEnd(of session: SinkSession) throws {
        internalCounters.ends += 1
        try announce(session)
        try results.publish(SessionEvent(.end, of: session), of: session.stream)
        logger.info(
            "session ended",
            metadata: .stream(session.stream, session: session.committed.session).with([
                "poses": .stringConvertible(session.poses), "drops": .stringConvertible(session.drops),
            ]))
    }

    /// Publishes the beginning of a session with the first that is stored of it.
    private func announce(_ session: SinkSession) throws {
        guard !session.isAnnounced else { return }
        session.isAnnounced = true
        try results.publish(SessionEvent(.begin, of: session), of: session.stream)
    }

    /// Answers a subscription to a session's acknowledgements.
    func acknowledgeNow(_ id: SessionID) throws {
        if let session = sessions[id] {
            try acknowledgements.publish(session.committed)
            return
        }
        // While the store cannot be read, silence is right: "next 0" would be wrong.
        guard let record = try? store.reader.session(id), let state = try? store.reader.inferState(of: id) else {
            if trouble == nil { try acknowledgements.publish(Acknowledgement(session: id, next: .first)) }
            return
        }
        try acknowledgements.publish(
            Acknowledgement(
                session: id, next: record.next, ended: record.ended != nil, sessionState: state))
    }

    // MARK: - Trouble

    /// Stops reading and acknowledging until the store can be written again. Says so once.
    func enterTrouble(_ error: StoreError) {
        let interval = configuration.retryInterval
        let now = ContinuousClock.now
        if let trouble {
            let pause = min(trouble.pause * 2, interval.upperBound)
            self.trouble = StoreTrouble(
                kind: error.kind, reason: error.description, since: trouble.since, pause: pause, nextTry: now + pause)
            if trouble.kind == error.kind { return }
        } else {
            trouble = StoreTrouble(
                kind: error.kind, reason: error.description, since: now, pause: interval.lowerBound,
                nextTry: now + interval.lowerBound)
        }
        logger.error(
            """
            cannot store: nothing is acknowledged or read until it works again, ingest keeps the frames; \
            trying again by itself
            """,
            metadata: ["reason": "\(error)", "waiting": "\(batch.count)"])
    }

    private func leaveTrouble() {
        guard let trouble else { return }
        self.trouble = nil
        logger.notice(
            "storing again", metadata: ["after_s": "\((ContinuousClock.now - trouble.since).components.seconds)"])
    }
}
