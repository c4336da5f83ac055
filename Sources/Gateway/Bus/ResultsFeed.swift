internal import Client
internal import Logging
internal import Stage
internal import ZeroMQ

/// Follows the sink's results on a thread of its own, and hands them to the bus thread in order.
///
/// Each stream begins with what is published next: a viewer never waits for history. What a short absence of the sink, or of
/// this thread, let pass by is fetched by replay, so that everything that was published from then on reaches the viewers.
struct ResultsFeed: Sendable {
    let configuration: GatewayConfiguration
    let context: Context
    let logger: Logger
    let results: Mailbox<Subscriber.Event>

    /// Follows until told to stop.
    func run(until stop: StopSignal) throws {
        let poller = Poller()
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        while !stop.isRequested {
            guard let refusal = try refusal(until: stop) else { return }
            logger.warning("the sink does not let this gateway read: \(refusal). It is tried again in 5 s")
            try poller.wait(timeout: .seconds(5))
        }
    }

    /// Follows until told to stop, or until the sink refuses the key.
    private func refusal(until stop: StopSignal) throws -> ZeroMQError? {
        do {
            try follow(until: stop)
            return nil
        } catch let error as ZeroMQError {
            guard error.code == .keyRefused else { throw error }
            return error
        }
    }

    private func follow(until stop: StopSignal) throws {
        let subscriber = try Subscriber(
            to: configuration.results, replay: configuration.replay, start: .live, in: context)
        while !stop.isRequested {
            if let event = try subscriber.next(timeout: .milliseconds(200)) { results.post(event) }
        }
    }
}
