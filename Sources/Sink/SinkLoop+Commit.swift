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
    /// Stores the batch; then, and only then, acknowledges and publishes it.
    func commit() throws {
        if let trouble {
            guard .now >= trouble.nextTry else { return }
        }
        guard !batch.isEmpty || !acknowledgeable.isEmpty || trouble != nil else { return }
        let now = Timestamp.now
        var bodies: [Data] = []
        bodies.reserveCapacity(batch.count)
        var entries: [StoreEntry] = []
        entries.reserveCapacity(batch.count)
        for index in batch.indices {
            switch batch[index] {
            case .outcome(var pending):
                let body = pending.body(at: now)
                batch[index] = .outcome(pending)
                bodies.append(body)
                entries.append(.outcome(OutcomeRecord(pending.outcome, body: body)))
                if let jpeg = pending.jpeg {
                    let header = pending.outcome.frame
                    entries.append(
                        .frame(
                            FrameRecord(
                                session: header.session, sequence: header.sequence,
                                jpeg: jpeg.withUnsafeBytes { Data($0) })))
                }
                if let state = pending.sessionState {
                    entries.append(
                        .state(SessionStateRecord(session: pending.outcome.frame.session, state: state.bytes)))
                }
            case .end(let header):
                bodies.append(Data())
                entries.append(
                    .end(EndRecord(stream: header.stream, session: header.session, frames: header.sequence.value)))
            }
        }
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

    /// Acknowledges first: ingest waits for it, and frees its window.
    private func confirm(_ committed: [BatchEntry], _ bodies: [Data]) throws {
        for entry in committed {
            switch entry {
            case .outcome(let pending):
                let header = pending.outcome.frame
                acknowledgeable.insert(header.session)
                sessions[header.session]?.committed.next = header.sequence.next
                if let state = pending.sessionState { sessions[header.session]?.committed.sessionState = state.bytes }
            case .end(let header):
                acknowledgeable.insert(header.session)
                sessions[header.session]?.committed.ended = true
                sessions[header.session]?.committed.sessionState = []
            }
        }
        for session in acknowledgeable {
            guard let acknowledgement = sessions[session]?.committed else { continue }
            try acknowledgements.publish(acknowledgement)
        }
        acknowledgeable.removeAll(keepingCapacity: true)

        let now = Timestamp.now
        for (entry, body) in zip(committed, bodies) {
            switch entry {
            case .outcome(let pending):
                try announce(pending.outcome.frame.session)
                count(pending.outcome, at: now)
                try results.publish(pending.outcome, body: body)
            case .end(let header): try publishEnd(header)
            }
        }
    }

    /// Counts an outcome that is in the store.
    private func count(_ outcome: Outcome, at now: Timestamp) {
        let id = outcome.frame.session
        if let drop = outcome.drop {
            internalCounters.drops[drop.reason, default: 0] += 1
            sessions[id]?.drops += 1
        } else {
            internalCounters.poses += 1
            sessions[id]?.poses += 1
        }
        let meter = sessions[id]?.meter ?? metrics.meter(of: outcome.frame.stream)
        sessions[id]?.meter = meter
        metrics.note(outcome, of: meter, at: now)
        logger.debug(
            "an outcome is stored",
            metadata: .frame(outcome.frame).with(["outcome": .string(outcome.drop?.reason.rawValue ?? "pose")]))
    }

    private func publishEnd(_ header: FrameHeader) throws {
        internalCounters.ends += 1
        try announce(header.session)
        guard let session = sessions[header.session] else { return }
        try results.publish(SessionEvent(.end, of: session), of: session.stream)
        logger.info(
            "session ended",
            metadata: .stream(session.stream, session: header.session).with([
                "poses": .stringConvertible(session.poses), "drops": .stringConvertible(session.drops),
            ]))
    }

    /// Publishes the beginning of a session with the first that is stored of it.
    private func announce(_ id: SessionID) throws {
        guard let session = sessions[id], !session.isAnnounced else { return }
        sessions[id]?.isAnnounced = true
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
