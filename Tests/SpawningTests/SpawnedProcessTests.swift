import Foundation
import Spawning
import Synchronization
import Testing

@Suite("Spawned processes")
struct SpawnedProcessTests {
    private func text(_ descriptor: Int32) -> String {
        String(decoding: FileHandle(fileDescriptor: descriptor).readDataToEndOfFile(), as: UTF8.self)
    }

    private func shell(_ script: String, environment: [String: String] = [:], input: StandardStream = .null) throws
        -> SpawnedProcess
    {
        try SpawnedProcess(
            "sh", ["-c", script], environment: environment, input: input, output: .pipe, errors: .pipe)
    }

    @Test("both streams, the variables and the status arrive")
    func streams() throws {
        let child = try shell("echo $NUMBER; echo $HOME >&2; exit 7", environment: ["NUMBER": "21"])
        #expect(text(child.output) == "21\n")
        #expect(text(child.errors) == ProcessInfo.processInfo.environment["HOME", default: ""] + "\n")
        #expect(child.wait() == .status(7))
        #expect(child.end == .status(7))
    }

    @Test("a child that is killed says by what, and its closed input reaches it", arguments: [SIGTERM, SIGKILL])
    func signals(signal: Int32) throws {
        let child = try shell("exec cat", input: .pipe)
        #expect(child.end == nil)
        child.send(signal)
        #expect(child.wait() == .signal(signal))
        child.send(signal)  // Nobody: the process id may be another's by now.

        let reader = try shell("cat; echo over", input: .pipe)
        close(reader.input)
        #expect(text(reader.output) == "over\n")
        #expect(reader.wait() == .status(0))
    }

    @Test("what cannot be started is named with the reason")
    func missing() {
        let error = #expect(throws: SpawnError.self) {
            try SpawnedProcess("/no/such", [], output: .null, errors: .pipe)
        }
        #expect(error?.description == "/no/such could not be started: No such file or directory")
    }

    /// Many threads start children at once. Every second child lives on; the others end at once, and neither their ends
    /// nor the ends of their output may wait for those that live.
    @Test("a child inherits nothing of another that is started beside it", .timeLimit(.minutes(2)))
    func nothingIsInherited() throws {
        let lasting = Mutex<[SpawnedProcess]>([])
        defer {
            lasting.withLock { $0 }.forEach {
                $0.send(SIGKILL)
                $0.wait()
            }
        }
        let (threads, each) = (8, 20)
        let over = Mutex(0)
        let group = DispatchGroup()
        for thread in 0..<threads {
            group.enter()
            Thread.detachNewThread {
                defer { group.leave() }
                for index in 0..<each {
                    let lasts = (thread + index).isMultiple(of: 2)
                    guard
                        let child = try? SpawnedProcess(
                            lasts ? "sleep" : "true", lasts ? ["600"] : [], output: .pipe, errors: .pipe)
                    else { continue }
                    if lasts {
                        lasting.withLock { $0.append(child) }
                    } else {
                        _ = (text(child.output), text(child.errors))
                        if child.wait() == .status(0) { over.withLock { $0 += 1 } }
                    }
                }
            }
        }
        #expect(group.wait(timeout: .now() + 60) == .success)
        #expect(over.withLock { $0 } == threads * each / 2)
        #expect(lasting.withLock { $0.allSatisfy { $0.end == nil } })
    }
}
