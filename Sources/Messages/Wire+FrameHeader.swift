internal import Foundation
internal import SwiftProtobuf

extension FrameHeader {
    /// Reads the first part of a message from ingest.
    ///
    /// - Throws: `WireError`, naming what is wrong.
    public init(wire bytes: [UInt8]) throws(WireError) {
        if let header = bytes.withUnsafeBytes(Self.quick) {
            self = header
        } else {
            try self.init(generalWire: bytes)
        }
    }

    /// Reads every spelling of a header that protobuf allows, and says what is wrong with one that is none.
    package init(generalWire bytes: [UInt8]) throws(WireError) {
        let wire: Posebus_V1_FrameHeader
        do {
            wire = try Posebus_V1_FrameHeader(serializedBytes: bytes)
        } catch {
            throw .malformed(message: "FrameHeader")
        }
        try self.init(wire)
    }

    /// The bytes of the first part of a message from ingest.
    public func wireBytes() -> [UInt8] {
        var writer = ProtobufWriter(capacity: 160 + sessionState.count)
        write(to: &writer)
        return writer.bytes
    }

    init(_ wire: Posebus_V1_FrameHeader) throws(WireError) {
        guard ProtocolVersion.readable.contains(wire.version) else { throw .unknownVersion(wire.version) }
        let stream: StreamName
        do {
            stream = try StreamName(wire.stream)
        } catch {
            throw .invalidField(message: "FrameHeader", field: "stream", problem: error.description)
        }
        guard let session = SessionID(bytes: wire.session) else {
            throw .invalidField(message: "FrameHeader", field: "session", problem: "not 16 bytes")
        }
        let traceID = TraceID(bytes: wire.traceID)
        guard traceID != nil || wire.traceID.isEmpty else {
            throw .invalidField(message: "FrameHeader", field: "trace_id", problem: "not 16 bytes, or all zero")
        }
        let parentSpanID = SpanID(bytes: wire.parentSpanID)
        guard parentSpanID != nil || wire.parentSpanID.isEmpty else {
            throw .invalidField(message: "FrameHeader", field: "parent_span_id", problem: "not 8 bytes, or all zero")
        }
        self.init(
            stream: stream,
            session: session,
            sequence: SequenceNumber(wire.sequence),
            oldestUnacknowledged: SequenceNumber(wire.oldestUnacknowledged),
            cameraFrame: wire.hasCameraFrame ? CameraFrame(wire.cameraFrame) : nil,
            captureTime: Timestamp(nanoseconds: wire.captureTimeNs),
            acceptedTime: Timestamp(nanoseconds: wire.acceptedTimeNs),
            width: Int(wire.width),
            height: Int(wire.height),
            payload: try Payload(wire.payload),
            delivery: try Delivery(wire.delivery),
            drop: wire.hasDrop ? try Drop(wire.drop) : nil,
            isEnd: wire.end,
            resends: Int(wire.resends),
            ingestMilliseconds: wire.ingestMs,
            sessionState: [UInt8](wire.sessionState),
            isStill: wire.still,
            traceID: traceID,
            parentSpanID: parentSpanID)
    }
}

extension Drop {
    init(_ wire: Posebus_V1_Drop) throws(WireError) {
        guard let stage = StageName(rawValue: wire.stage) else {
            throw .invalidField(message: "Drop", field: "stage", problem: "no word")
        }
        guard let reason = DropReason(rawValue: wire.reason) else {
            throw .invalidField(message: "Drop", field: "reason", problem: "no word")
        }
        self.init(stage: stage, reason: reason, detail: wire.detail)
    }
}

extension Payload {
    init(_ wire: Posebus_V1_Payload) throws(WireError) {
        switch wire {
        case .none: self = .none
        case .jpeg: self = .jpeg
        case .rgb8: self = .rgb8
        case .UNRECOGNIZED(let number):
            throw .invalidField(message: "FrameHeader", field: "payload", problem: "unknown kind \(number)")
        }
    }

    var wire: Posebus_V1_Payload {
        switch self {
        case .none: .none
        case .jpeg: .jpeg
        case .rgb8: .rgb8
        }
    }
}

extension Delivery {
    init(_ wire: Posebus_V1_Delivery) throws(WireError) {
        switch wire {
        case .live: self = .live
        case .lossless, .unspecified: self = .lossless
        case .UNRECOGNIZED(let number):
            throw .invalidField(message: "FrameHeader", field: "delivery", problem: "unknown kind \(number)")
        }
    }

    var wire: Posebus_V1_Delivery {
        switch self {
        case .live: .live
        case .lossless: .lossless
        }
    }
}
