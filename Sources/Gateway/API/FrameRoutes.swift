internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Messages
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Settings
internal import ZeroMQ

/// Pictures from whoever speaks HTTP and no ZeroMQ.
struct FrameRoutes: RouteTopic {
    let services: GatewayServices

    /// How long an outcome is waited for.
    private static let patience = Duration.seconds(30)

    func add(to routes: Routes) {
        let (feeds, hub, limit) = (services.feeds, services.hub, services.configuration.http.limits.bodyBytes)
        routes.post("/v1/streams/:stream/frames") { request, context in
            let stream = try context.stream()
            try services.configuration.checkFeeding()
            let delivery = try Self.delivery(request.query("delivery"))
            let (isLast, isStill) = (try request.isOn("end"), try request.isOn("still"))
            let wait = request.query("wait")
            guard wait == nil || wait == "outcome" else {
                throw APIError(.badRequest, "wait=\((wait ?? "").prefix(40)): only outcome can be waited for.")
            }
            let type = request.headers[.contentType]?.lowercased() ?? "image/jpeg"
            guard type.hasPrefix("image/jpeg") else {
                throw APIError(.unsupportedMediaType, "\(type.prefix(80)): a JPEG is expected, as image/jpeg.")
            }
            let captureTime = try Self.captureTime(request.headers[.captureTime])
            let body = try await request.wholeBody(upTo: limit)
            guard body.readableBytes > 0 else { throw APIError(.badRequest, "There is no picture in the body.") }
            let picture = FrameFeeds.Picture(
                stream: stream, jpeg: body.withUnsafeReadableBytes { Message(copying: $0) }, captureTime: captureTime,
                delivery: delivery, isStill: isStill, trace: request.trace, isLast: isLast)
            guard wait != nil else {
                let frame = try await feeds.feed(picture)
                return Response.json(bytes: Self.receipt(stream, frame), status: .accepted)
            }
            let json = try await OutcomeWait(hub, stream: stream, captureTime: captureTime).run(for: Self.patience) {
                try await feeds.feed(picture)
            }
            return Response.data(json, type: "application/json")
        }
    }

    private static func delivery(_ text: String?) throws -> Delivery? {
        guard let text else { return nil }
        guard let delivery = Delivery(rawValue: text) else {
            throw APIError(.badRequest, "delivery=\(text.prefix(40)): live or lossless is expected.")
        }
        return delivery
    }

    private static func captureTime(_ text: String?) throws -> Timestamp {
        guard let text else { return .now }
        guard let nanoseconds = Int64(text), nanoseconds >= 0 else {
            throw APIError(
                .badRequest, "X-Capture-Time-Ns: \(text.prefix(40)): nanoseconds since 1970-01-01 UTC are expected.")
        }
        return Timestamp(nanoseconds: nanoseconds)
    }

    private static func receipt(_ stream: StreamName, _ frame: CameraFrame) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("stream")
            json.text(stream.description)
            json.key("frame")
            json.value(frame.value)
        }
        return json.bytes
    }
}

extension HTTPField.Name {
    static let captureTime = Self("X-Capture-Time-Ns")!
    static let traceparent = Self("traceparent")!
}

/// Waits for the outcome of a picture that is fed meanwhile.
struct OutcomeWait: Sendable {
    private let hub: Hub
    private let reader: Reader
    private let calls: AsyncStream<Void>
    private let captureTime: Timestamp

    init(_ hub: Hub, stream: StreamName, captureTime: Timestamp) {
        self.hub = hub
        self.captureTime = captureTime
        let (calls, caller) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.calls = calls
        reader = Reader(.wait, Reader.Wishes(streams: [stream.description]), call: { caller.yield() })
    }

    /// Feeds, then waits.
    ///
    /// - Returns: the outcome as JSON.
    func run(
        for patience: Duration, feeding feed: @escaping @Sendable () async throws -> CameraFrame
    ) async throws -> ByteBuffer {
        guard hub.add(reader) else { throw APIError(.serviceUnavailable, "The gateway is stopping.") }
        defer { hub.remove(reader) }
        let frame = try await feed()
        let json = try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            group.addTask { await find(frame) }
            group.addTask {
                try await Task.sleep(for: patience)
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            return first
        }
        guard let json else {
            throw APIError(
                .gatewayTimeout,
                "The picture was taken in, and no outcome came within \(patience.components.seconds) s. /v1/status says how the stages are."
            )
        }
        return json
    }

    private func find(_ frame: CameraFrame) async -> ByteBuffer? {
        // What came between feeding and now waits in the queue already.
        repeat {
            while case .next(let next) = reader.take() {
                guard case .item(.outcome(let outcome)) = next else { continue }
                if outcome.cameraFrame == frame.value, outcome.captureTime == captureTime.nanoseconds {
                    return outcome.json
                }
            }
        } while await nextCall() && !Task.isCancelled
        return nil
    }

    private func nextCall() async -> Bool {
        for await _ in calls { return true }
        return false
    }
}

extension GatewayConfiguration {
    /// Throws where this gateway feeds nothing.
    func checkFeeding() throws {
        guard isForRecordingsOnly else { return }
        throw APIError(
            .serviceUnavailable, "This gateway serves recordings only. Start the pipeline with posebus up to feed it.")
    }
}
