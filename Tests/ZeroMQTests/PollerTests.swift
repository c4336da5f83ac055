import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(5)))
struct PollerTests {
    @Test func `a posted value wakes the poller and comes out in order`() async throws {
        let mailbox = Mailbox<Int>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await runOnThread(named: "reader") {
                    let poller = Poller()
                    let token = poller.watch(fileDescriptor: mailbox.fileDescriptor)
                    var seen: [Int] = []
                    while seen.count < 1000 {
                        try poller.wait(timeout: nil)
                        #expect(poller.isReadable(token))
                        seen += mailbox.drain()
                    }
                    #expect(seen == Array(0..<1000))
                }
            }
            group.addTask {
                for number in 0..<1000 { mailbox.post(number) }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a drained mailbox is quiet`() throws {
        let mailbox = Mailbox<String>()
        let poller = Poller()
        let token = poller.watch(fileDescriptor: mailbox.fileDescriptor)
        mailbox.post("one")
        mailbox.post("two")
        #expect(mailbox.drain() == ["one", "two"])
        #expect(try poller.wait(timeout: .zero) == 0)
        #expect(!poller.isReadable(token))
    }

    @Test func `what is watched no more is not reported, and its place is taken again`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            let poller = Poller()
            let mailbox = Mailbox<Int>()
            let post = poller.watch(fileDescriptor: mailbox.fileDescriptor)
            let pull = try Socket(.pull, in: context)
            let token = poller.watch(pull)
            mailbox.post(1)
            #expect(try poller.wait(timeout: .zero) == 1)
            poller.unwatch(post)
            #expect(try poller.wait(timeout: .zero) == 0)
            let other = Mailbox<Int>()
            other.post(1)
            let next = poller.watch(fileDescriptor: other.fileDescriptor)
            #expect(next == post && next != token)
            #expect(!poller.isReadable(next), "nobody has looked yet")
            #expect(try poller.wait(timeout: .zero) == 1)
            #expect(poller.isReadable(next) && !poller.isReadable(token))
        }
    }

    @Test func `interest in sending is reported only while asked for`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            let pull = try Socket(.pull, in: context)
            let push = try Socket(.push, in: context)
            try push.connect(try pull.bind("inproc://interest"))
            let poller = Poller()
            let token = poller.watch(push)
            #expect(try poller.wait(timeout: .zero) == 0)
            poller.setInterest(token, receiving: false, sending: true)
            try poller.wait(timeout: .seconds(60))
            #expect(poller.isWritable(token))
        }
    }

    @Test func `the monitor reports a peer that comes and goes`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            let pull = try Socket(.pull, in: context)
            let endpoint = try pull.bind("tcp://127.0.0.1:*")
            let push = try Socket(.push, in: context)
            let monitor = try Monitor(watching: push, in: context)
            let poller = Poller()
            _ = poller.watch(monitor.socket)
            var seen: [Monitor.Event.Kind] = []
            func wait(for kind: Monitor.Event.Kind) throws {
                while !seen.contains(kind) {
                    try poller.wait(timeout: nil)
                    while let event = try monitor.next() { seen.append(event.kind) }
                }
            }
            try push.connect(endpoint)
            try wait(for: .ready)
            try push.disconnect(endpoint)
            #expect(seen.contains(.connected))
        }
    }
}
