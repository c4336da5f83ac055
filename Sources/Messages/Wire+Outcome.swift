internal import Foundation
internal import SwiftProtobuf

extension Outcome {
    /// Reads an outcome: the first part of a message from infer, or the body of `pose/pb/<stream>`.
    ///
    /// - Throws: `WireError`, naming what is wrong.
    public init(wire bytes: [UInt8]) throws(WireError) {
        if let outcome = bytes.withUnsafeBytes(Self.quick) {
            self = outcome
        } else {
            try self.init(generalWire: bytes)
        }
    }

    /// Reads every spelling of an outcome that protobuf allows, and says what is wrong with one that is none.
    package init(generalWire bytes: [UInt8]) throws(WireError) {
        let wire: Posebus_V1_Outcome
        do {
            wire = try Posebus_V1_Outcome(serializedBytes: bytes)
        } catch {
            throw .malformed(message: "Outcome")
        }
        guard wire.hasFrame else {
            throw .invalidField(message: "Outcome", field: "frame", problem: "absent")
        }
        var persons: [Person] = []
        persons.reserveCapacity(wire.persons.count)
        for person in wire.persons { persons.append(try Person(person)) }
        self.init(
            frame: try FrameHeader(wire.frame),
            engine: wire.engine,
            skeleton: wire.skeleton,
            drop: wire.hasDrop ? try Drop(wire.drop) : nil,
            persons: persons,
            timing: Timing(wire.timing))
    }

    /// The bytes of this outcome as protobuf.
    public func wireBytes() -> [UInt8] {
        var writer = ProtobufWriter(capacity: 256 + 1024 * persons.count)
        write(to: &writer)
        return writer.bytes
    }
}

extension Person {
    /// Reads one person: `posebus.v1.Person`.
    ///
    /// - Throws: `WireError`, naming what is wrong.
    package init(wire bytes: [UInt8]) throws(WireError) {
        if let person = bytes.withUnsafeBytes(Self.quick) {
            self = person
            return
        }
        let wire: Posebus_V1_Person
        do {
            wire = try Posebus_V1_Person(serializedBytes: bytes)
        } catch {
            throw .malformed(message: "Person")
        }
        try self.init(wire)
    }

    /// The bytes of this person as protobuf.
    package func wireBytes() -> [UInt8] {
        var writer = ProtobufWriter(capacity: 1024)
        write(to: &writer)
        return writer.bytes
    }

    init(_ wire: Posebus_V1_Person) throws(WireError) {
        guard wire.bbox.count == 4 else {
            throw .invalidField(message: "Person", field: "bbox", problem: "\(wire.bbox.count) numbers instead of 4")
        }
        guard wire.cameraTranslation.isEmpty || wire.cameraTranslation.count == 3 else {
            throw .invalidField(
                message: "Person", field: "camera_translation",
                problem: "\(wire.cameraTranslation.count) numbers instead of 3")
        }
        let translation = wire.cameraTranslation
        self.init(
            trackID: wire.trackID,
            score: wire.score,
            bbox: BoundingBox(x: wire.bbox[0], y: wire.bbox[1], width: wire.bbox[2], height: wire.bbox[3]),
            observed: wire.observed,
            state: TrackState(wire.state),
            keypoints2D: try triples(wire.keypoints2D, field: "keypoints_2d"),
            keypoints3D: try triples(wire.keypoints3D, field: "keypoints_3d"),
            cameraTranslation: translation.isEmpty ? nil : SIMD3(translation[0], translation[1], translation[2]),
            focalLength: wire.focalLength == 0 ? nil : wire.focalLength,
            smpl: wire.hasSmpl ? SMPLParameters(wire.smpl) : nil,
            appearance: [UInt8](wire.appearance))
    }
}

extension TrackState {
    /// Nil for none, and for one of a later release.
    init?(_ wire: Posebus_V1_TrackState) {
        switch wire {
        case .tentative: self = .tentative
        case .confirmed: self = .confirmed
        case .predicted: self = .predicted
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }

    var wire: Posebus_V1_TrackState {
        switch self {
        case .tentative: .tentative
        case .confirmed: .confirmed
        case .predicted: .predicted
        }
    }
}

extension SMPLParameters {
    init(_ wire: Posebus_V1_Smpl) {
        self.init(betas: wire.betas, bodyPose: wire.bodyPose, globalOrient: wire.globalOrient)
    }
}

extension Timing {
    init(_ wire: Posebus_V1_Timing) {
        self.init(ingest: wire.ingest, queue: wire.queue, infer: wire.infer, sink: wire.sink, total: wire.total)
    }
}

private func triples(_ numbers: [Float], field: String) throws(WireError) -> [SIMD3<Float>] {
    guard numbers.count.isMultiple(of: 3) else {
        throw .invalidField(message: "Person", field: field, problem: "\(numbers.count) numbers, not a multiple of 3")
    }
    return stride(from: 0, to: numbers.count, by: 3).map { SIMD3(numbers[$0], numbers[$0 + 1], numbers[$0 + 2]) }
}
