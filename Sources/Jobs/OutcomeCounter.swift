internal import Client
internal import Messages
internal import ZeroMQ

/// Counts the outcomes of one stream's one session, gap-free, whatever becomes of the sink meanwhile.
struct OutcomeCounter {
    /// The session, once something of it has come.
    private(set) var session: SessionID?
    /// Frames whose outcome is stored.
    private(set) var outcomes = 0
    /// The session's end.
    private(set) var end: SessionEvent?
    /// Why the session will never be whole.
    private(set) var trouble: String?

    private let subscriber: Subscriber

    /// Subscribes before anything is fed. With replay, so that nothing passes it by.
    init(_ stream: StreamName, _ configuration: JobRunner.Configuration, in context: Context) throws {
        subscriber = try Subscriber(
            to: configuration.results, replay: configuration.replay, streams: [stream], in: context)
    }

    /// Takes what has come.
    ///
    /// - Parameter timeout: how long to wait for the first.
    mutating func take(timeout: Duration) throws {
        var timeout = timeout
        while let event = try subscriber.next(timeout: timeout) {
            timeout = .zero
            switch event {
            case .outcome(let outcome):
                note(outcome.frame.session)
                outcomes += 1
            case .session(let event):
                note(SessionID(event.session))
                guard event.event == .end, trouble == nil else { continue }
                end = event
                if event.complete == false { trouble = "ingest ended, and frames are lost with it" }
            }
        }
    }

    private mutating func note(_ id: SessionID?) {
        guard let id else { return }
        if let session, session != id, trouble == nil {
            trouble = "ingest began another session of the stream: it was started again"
        }
        session = session ?? id
    }
}
