internal import Client
internal import Foundation
internal import HTTPTypes
internal import HummingbirdCore
internal import Messages
internal import NIOConcurrencyHelpers
internal import NIOCore

/// Where a reader of events was when it was cut off: `<session>/<sequence>`, the id of the last event it has.
struct EventPosition: Sendable {
    let session: SessionID
    let sequence: SequenceNumber

    init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let session = SessionID(parts[0]), let number = UInt64(parts[1]),
            number < UInt64(Int64.max) - 1
        else {
            throw APIError(
                .badRequest, "Last-Event-ID: “\(text.prefix(80))” is no id of this gateway: SESSION/SEQUENCE.")
        }
        self.session = session
        sequence = SequenceNumber(number)
    }
}

/// One reader of server-sent events.
struct EventStream: Sendable {
    private let archive: ArchiveService
    private let hub: Hub
    private let reader: Reader
    private let calls: AsyncStream<Void>
    private let caller: AsyncStream<Void>.Continuation
    private let position: EventPosition?

    /// How often a silent stream says that it is alive.
    private static let pause = Duration.seconds(10)
    /// How many outcomes are asked for at once after an interruption.
    private static let page = 256

    init(_ hub: Hub, _ archive: ArchiveService, streams: Set<String>?, after position: EventPosition?) {
        self.hub = hub
        self.archive = archive
        self.position = position
        let (calls, caller) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.calls, self.caller) = (calls, caller)
        reader = Reader(.events, Reader.Wishes(streams: streams), call: { caller.yield() })
    }

    /// Writes events until the connection or the gateway ends.
    func run(into writer: inout any ResponseBodyWriter) async throws {
        guard hub.add(reader) else { return }
        defer {
            hub.remove(reader)
            caller.finish()
        }
        try await writer.write(ByteBuffer(string: "retry: 1000\n\n"))
        var sent = try await resume(into: &writer)
        let clock = Task { [caller] in
            while !Task.isCancelled {
                try await Task.sleep(for: Self.pause)
                caller.yield()
            }
        }
        defer { clock.cancel() }
        var writtenAt = ContinuousClock.now
        for await _ in calls {
            var isEmpty = false
            while !isEmpty {
                switch reader.take() {
                case .next(.item(let item)):
                    if try await write(item, &writer, &sent) { writtenAt = .now }
                case .next(.skipped(let stream, let count)):
                    let json = LiveMessages.skipped(stream: stream, count: count)
                    try await writer.write(Self.event("skipped", json))
                case .nothing: isEmpty = true
                case .end: return
                }
            }
            if .now - writtenAt >= Self.pause - .milliseconds(500) {
                try await writer.write(ByteBuffer(string: ":\n\n"))
                writtenAt = .now
            }
        }
    }

    /// What a reader missed since its last event, from the sink; then where the live stream goes on.
    private func resume(into writer: inout any ResponseBodyWriter) async throws -> EventPosition? {
        guard let position else { return nil }
        var next = position.sequence.next
        while true {
            let first = next
            let page = try? await archive.ask { archive in
                try archive.outcomes(of: position.session, from: first, limit: Self.page)
            }
            guard let page, !page.outcomes.isEmpty else { break }
            for outcome in page.outcomes where reader.wishes.wants(outcome.frame.stream.description) {
                let id = "\(outcome.frame.session)/\(outcome.frame.sequence)"
                try await writer.write(Self.event("outcome", ByteBuffer(bytes: outcome.jsonBytes()), id: id))
            }
            next = page.next
        }
        guard next > .first else { return nil }
        return try EventPosition("\(position.session)/\(next.value - 1)")
    }

    private func write(
        _ item: LiveItem, _ writer: inout any ResponseBodyWriter, _ sent: inout EventPosition?
    ) async throws -> Bool {
        switch item {
        case .outcome(let outcome):
            if let last = sent, last.session.description == outcome.session, outcome.sequence <= last.sequence.value {
                return false
            }
            let id = "\(outcome.session)/\(outcome.sequence)"
            try await writer.write(Self.event("outcome", outcome.json, id: id))
        case .session(_, let json): try await writer.write(Self.event("session", json))
        case .status(let json): try await writer.write(Self.event("status", json))
        }
        return true
    }

    private static func event(_ name: String, _ json: ByteBuffer, id: String? = nil) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: json.readableBytes + 128)
        buffer.writeString("event: \(name)\n")
        if let id { buffer.writeString("id: \(id)\n") }
        buffer.writeString("data: ")
        buffer.writeImmutableBuffer(json)
        buffer.writeString("\n\n")
        return buffer
    }
}
