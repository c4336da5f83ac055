internal import Foundation
internal import SwiftProtobuf

extension FrameHeader {
    /// Reads the first part of a message from ingest.
    ///
    /// - Throws: `WireError`, naming what is wrong.
    public init(wire bytes: [UInt8]) throws(WireError) {
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
        wire.bytes
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

    var wire: Posebus_V1_FrameHeader {
        var wire = Posebus_V1_FrameHeader()
        wire.version = ProtocolVersion.written
        wire.stream = stream.description
        wire.session = Data(session.bytes)
        wire.sequence = sequence.value
        wire.oldestUnacknowledged = oldestUnacknowledged.value
        if let cameraFrame { wire.cameraFrame = cameraFrame.value }
        wire.captureTimeNs = captureTime.nanoseconds
        wire.acceptedTimeNs = acceptedTime.nanoseconds
        wire.width = UInt32(clamping: width)
        wire.height = UInt32(clamping: height)
        wire.payload = payload.wire
        wire.delivery = delivery.wire
        if let drop { wire.drop = drop.wire }
        wire.end = isEnd
        wire.resends = UInt32(clamping: resends)
        wire.ingestMs = ingestMilliseconds
        wire.still = isStill
        if !sessionState.isEmpty { wire.sessionState = Data(sessionState) }
        if let traceID { wire.traceID = Data(traceID.bytes) }
        if let parentSpanID { wire.parentSpanID = Data(parentSpanID.bytes) }
        return wire
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

    var wire: Posebus_V1_Drop {
        var wire = Posebus_V1_Drop()
        wire.stage = stage.rawValue
        wire.reason = reason.rawValue
        wire.detail = detail
        return wire
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

extension SwiftProtobuf.Message {
    /// The serialised message. None of ours has required fields, so serialising cannot fail.
    var bytes: [UInt8] {
        do {
            return try serializedBytes()
        } catch {
            preconditionFailure("a PoseBus message could not be serialised: \(error)")
        }
    }
}
