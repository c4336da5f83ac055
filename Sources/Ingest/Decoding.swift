internal import Foundation
internal import Messages
internal import Metering
internal import ZeroMQ

/// The worker threads that decode, for streams that send raw pixels and for `--payload rgb`.
///
/// Results come back in any order through a mailbox; the order of frames is kept by the queue they wait in.
final class Decoding {
    /// A finished frame, by the number `submit` gave it.
    struct Result: Sendable {
        let ticket: Int
        let verdict: Verdict
    }

    private let queue = OperationQueue()
    private let finished = Mailbox<Result>()
    private let token: Poller.Token
    private let poller: Poller
    private let time: Histogram
    private var pending: [Int: Arrival] = [:]
    private var nextTicket = 0

    /// - Parameter time: where the seconds are counted that a frame takes.
    init(threads: Int, poller: Poller, time: Histogram) {
        self.time = time
        self.poller = poller
        queue.name = "posebus-ingest.decode"
        queue.maxConcurrentOperationCount = threads
        token = poller.watch(fileDescriptor: finished.fileDescriptor)
    }

    /// Decodes the image of an arrival.
    func submit(_ arrival: Arrival, image: Message?, admission: Admission, encodesPreview: Bool) {
        nextTicket += 1
        pending[nextTicket] = arrival
        queue.addOperation { [finished, time, ticket = nextTicket, header = arrival.header] in
            let verdict = time.measure { admission.verdict(on: header, image: image, encodesPreview: encodesPreview) }
            finished.post(Result(ticket: ticket, verdict: verdict))
        }
    }

    /// Gives the arrivals that were decoded their verdicts.
    ///
    /// - Returns: whether there were any.
    func collect() -> Bool {
        guard poller.isReadable(token) else { return false }
        var any = false
        for result in finished.drain() {
            pending.removeValue(forKey: result.ticket)?.verdict = result.verdict
            any = true
        }
        return any
    }

    deinit {
        queue.cancelAllOperations()
        queue.waitUntilAllOperationsAreFinished()
    }
}
