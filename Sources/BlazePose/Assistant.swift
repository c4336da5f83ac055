internal import Foundation

/// A second thread that takes work off its owner's hands. It ends with the assistant.
package final class Assistant: Sendable {
    private let queue = Queue()

    /// Starts the thread.
    package init() {
        let thread = Thread { [queue] in
            while let work = queue.next() { work.begin() }
        }
        thread.name = "assistant"
        thread.stackSize = 2 << 20
        thread.start()
    }

    deinit {
        queue.close()
    }

    /// Gives it something to do. It works through what it is given in order.
    package func start<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) -> Work<Result> {
        let work = Work(body)
        queue.append(work)
        return work
    }

    /// Something that it was given.
    package final class Work<Result: Sendable>: Startable, @unchecked Sendable {
        // Unchecked: all state is touched only while `condition` is locked.
        private let condition = NSCondition()
        private let body: @Sendable () throws -> Result
        private var hasBegun = false
        private var result: Swift.Result<Result, any Error>?

        fileprivate init(_ body: @escaping @Sendable () throws -> Result) {
            self.body = body
        }

        /// Does it, unless somebody does already.
        fileprivate func begin() {
            let isOurs = condition.withLock {
                defer { hasBegun = true }
                return !hasBegun
            }
            guard isOurs else { return }
            let outcome = Swift.Result { try body() }
            condition.withLock {
                result = outcome
                condition.broadcast()
            }
        }

        /// What came of it. Work that the assistant has not begun is done by the caller, so that an assistant who got no
        /// processor delays nobody.
        package func value() throws -> Result {
            begin()
            return try condition.withLock {
                while true {
                    if let result { return try result.get() }
                    condition.wait()
                }
            }
        }

        /// Says that nobody wants it: it is left undone where it has not begun.
        package func cancel() {
            condition.withLock { hasBegun = true }
        }
    }

    fileprivate protocol Startable: AnyObject, Sendable {
        func begin()
    }

    private final class Queue: @unchecked Sendable {
        // Unchecked: all state is touched only while `condition` is locked.
        private let condition = NSCondition()
        private var waiting: [any Startable] = []
        private var isClosed = false

        func append(_ work: any Startable) {
            condition.withLock {
                waiting.append(work)
                condition.signal()
            }
        }

        func close() {
            condition.withLock {
                isClosed = true
                condition.signal()
            }
        }

        /// Waits for work; nil once the queue is closed.
        func next() -> (any Startable)? {
            condition.withLock {
                while waiting.isEmpty {
                    if isClosed { return nil }
                    condition.wait()
                }
                return waiting.removeFirst()
            }
        }
    }
}
