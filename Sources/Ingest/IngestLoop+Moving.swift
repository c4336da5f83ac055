internal import Delivery
internal import Logging
internal import Messages
internal import Stage
internal import ZeroMQ

extension IngestLoop {
    // MARK: - Infers

    /// Takes note of infers that join, leave, come into reach or go.
    func noteInfers(at now: ContinuousClock.Instant) {
        if let news = outputs.readLists(at: now) {
            news.remarks.forEach(note)
            for (output, change) in news.changes { note(output, change, at: now) }
        }
        for (output, change) in outputs.poll(at: now) { note(output, change, at: now) }
        if followedVersion != outputs.membership.version { followAll(at: now) }
    }

    /// Lets time pass: who may have streams is a matter of how long it was in reach.
    func noteTime(at now: ContinuousClock.Instant) {
        for case .out(let endpoint) in outputs.advance(at: now)
        where streams.sessions.values.contains(where: { $0.placement.infer == endpoint }) {
            logger.warning(
                "infer at \(endpoint) is out of reach for \(configuration.moveAfter): its streams go to others in reach"
            )
        }
        if followedVersion != outputs.membership.version {
            followAll(at: now)
        } else {
            for session in streams.sessions.values where session.placement.move != nil { follow(session, at: now) }
        }
        outputs.closeDeserted(streams.sessions.values, at: now)
    }

    private func note(_ output: Output, _ change: Outputs.Change, at now: ContinuousClock.Instant) {
        let endpoint = output.endpoint
        switch change {
        case .joined where output.source == .endpoint(endpoint): break
        case .joined:
            let time = outputs.membership.settlingTime(of: endpoint, at: now)
            logger.notice(
                "infer at \(endpoint) joins (\(output.source)): connected for \(time) it gets the streams that are its own"
            )
        case .left:
            let count = streams.sessions.values.count { $0.output === output }
            logger.notice(
                "infer at \(endpoint) leaves (\(output.source))\(count > 0 ? ": its \(count) sessions move to others" : "")"
            )
        case .keyRefused: noteRefusedKey(by: "infer", at: endpoint)
        case .cannotConnect(let error):
            if limiter.shouldLog("cannot connect \(endpoint)") {
                logger.error("infer at \(endpoint) cannot be connected to, and is tried again: \(error)")
            }
        case .up:
            var count = 0
            for session in streams.sessions.values where session.output === output {
                count += session.window.resendCount
                outputs.enqueue(session)
            }
            logger.notice("infer at \(endpoint) is connected\(count > 0 ? ": \(count) frames are sent again" : "")")
        case .lost:
            logger.warning("infer at \(endpoint) is gone: frames are kept until it is back")
            noteLoss(of: output)
        }
    }

    private func note(_ remark: InferLists.Remark) {
        switch remark {
        case .failed(let source, let error, let known):
            let consequence = known > 0 ? "the \(known) infers known before stay in use" : "no infer of it is known yet"
            logger.error("\(source): \(error). It is tried again; \(consequence)")
        case .recovered(let source): logger.notice("\(source) says again which infers there are")
        case .tooMany(let source, let count):
            logger.error("\(source) has \(count) infers; the first \(InferSource.maxEndpoints) are used")
        }
    }

    // MARK: - Moves

    /// Lets every session go where it belongs.
    private func followAll(at now: ContinuousClock.Instant) {
        followedVersion = outputs.membership.version
        for session in streams.sessions.values { follow(session, at: now) }
    }

    /// Lets a session go where it belongs, as far as that is possible yet.
    func follow(_ session: Session, at now: ContinuousClock.Instant) {
        let steps = session.placement.follow(
            outputs.membership, stream: session.stream.name, window: &session.window, at: now)
        for step in steps { note(step, of: session, at: now) }
        if outputs.seat(session) { outputs.enqueue(session) }
    }

    private func note(_ step: Placement.Step, of session: Session, at now: ContinuousClock.Instant) {
        let about = Logger.Metadata.stream(session.stream.name, session: session.id)
        switch step {
        case .began(let move):
            logger.info(
                """
                a stream is to move from \(move.from) to \(move.to), \(move.reason.explanation): what is in flight there \
                is waited for
                """, metadata: about.with(["frames": .stringConvertible(session.window.inFlightCount)]))
        case .gaveUp(let move):
            logger.info("a stream stays at \(move.from) for now", metadata: about)
            outputs.enqueue(session)
        case .arrived(let move, let resends):
            counters.moves[move.reason, default: 0] += 1
            counters.resent += resends
            // The suspects go along; whoever waited for them at the infer that is left need not any more.
            clearSuspicion(of: session)
            outputs.seat(session)
            if session.window.isSuspect { session.output?.probation.begin([session.id]) }
            outputs.enqueue(session)
            let time = (now - move.since) / .milliseconds(1)
            logger.notice(
                """
                a stream moves from \(move.from) to \(move.to), \(move.reason.explanation), after \
                \(Int(time.rounded())) ms: \(resends == 0 ? "nothing is sent twice" : "\(resends) frames are sent again")
                """,
                metadata: about.with([
                    "sequence": .stringConvertible(session.window.oldestUnacknowledged.value)
                ]))
        }
    }
}

extension MoveReason {
    /// Why, after the infers that a stream moves from and to.
    fileprivate var explanation: String {
        switch self {
        case .joined: "which joined"
        case .returned: "which is back"
        case .left: "because the former left the list"
        case .unreachable: "because the former is out of reach"
        }
    }
}
