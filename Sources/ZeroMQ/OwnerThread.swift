internal import CZeroMQ
internal import Foundation

/// Runs `body` on a thread of its own and waits for its end without blocking Swift's cooperative threads.
///
/// Sockets are made, used and closed inside `body`; blocking calls of libzmq belong nowhere else.
///
/// - Parameters:
///   - name: shown by debuggers and `top -H`; Linux keeps the first 15 bytes.
///   - body: the thread's whole life. `ZeroMQError.Code.terminated` is its clean end and is not thrown on.
public func runOnThread(named name: String, _ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let thread = Thread {
            name.withCString { posebus_name_this_thread($0) }
            do {
                try body()
                continuation.resume()
            } catch let error as ZeroMQError where error.code == .terminated {
                continuation.resume()
            } catch {
                continuation.resume(throwing: error)
            }
        }
        thread.stackSize = 2 << 20
        thread.start()
    }
}
