internal import Client
internal import HTTPTypes
internal import NIOConcurrencyHelpers
internal import ServiceLifecycle
internal import Stage
internal import ZeroMQ

/// What the sink has stored, for asynchronous callers: some threads, each with a connection of its own.
final class ArchiveService: Sendable {
    typealias Work = @Sendable (Archive) -> Void

    private struct State {
        var work: [Work] = []
        var isStopped = false
    }

    private let endpoint: String
    private let context: Context
    private let state = NIOLockedValueBox(State())
    private let wakeUps: [Mailbox<Void>]

    /// The most that waits. Beyond it callers are told to come again.
    private static let limit = 256

    init(at endpoint: String, in context: Context, threads: Int = 2) {
        self.endpoint = endpoint
        self.context = context
        wakeUps = (0..<threads).map { _ in Mailbox<Void>() }
    }

    /// The threads.
    var services: [any Service] {
        wakeUps.indices.map { index in
            ThreadService(named: "archive-\(index)") { [self] stop in try run(wakeUps[index], until: stop) }
        }
    }

    private func run(_ wakeUp: Mailbox<Void>, until stop: StopSignal) throws {
        let archive = Archive(at: endpoint, in: context)
        let poller = Poller()
        _ = poller.watch(fileDescriptor: wakeUp.fileDescriptor)
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        while !stop.isRequested {
            _ = wakeUp.drain()
            while !stop.isRequested, let work = take() { work(archive) }
            try poller.wait(timeout: .seconds(1))
        }
        // What waits is answered, with an error: nobody else does it.
        for work in state.withLockedValue({ state in
            state.isStopped = true
            defer { state.work = [] }
            return state.work
        }) { work(archive) }
    }

    private func take() -> Work? {
        state.withLockedValue { $0.work.isEmpty ? nil : $0.work.removeFirst() }
    }

    /// Asks the sink, on one of the threads.
    ///
    /// - Throws: `APIError`, in words for whoever asked.
    func ask<Answer: Sendable>(_ question: @escaping @Sendable (Archive) throws -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Answer, any Error>) in
            let isTaken = state.withLockedValue { state in
                guard state.work.count < Self.limit, !state.isStopped else { return false }
                state.work.append { archive in
                    continuation.resume(with: Result { try question(archive) }.mapError(Self.words))
                }
                return true
            }
            guard isTaken else {
                return continuation.resume(
                    throwing: APIError(
                        .serviceUnavailable, "Too many questions to the sink wait already. Ask again later."))
            }
            for wakeUp in wakeUps { wakeUp.post(()) }
        }
    }

    private static func words(_ error: any Error) -> any Error {
        switch error {
        case ArchiveError.unknownSession: APIError(.notFound, "The sink has no session of this name.")
        case ArchiveError.refused(let why): APIError(.badRequest, "The sink refuses this: \(why).")
        case let error as ArchiveError:
            APIError(
                .serviceUnavailable,
                "The sink did not answer: \(error). See whether posebus-sink runs, and whether --replay is where it listens."
            )
        case let error as ZeroMQError: APIError(.serviceUnavailable, "The sink cannot be asked: \(error).")
        default: error
        }
    }
}
