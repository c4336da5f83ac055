import Foundation
import Messages
import Refinement

/// Random numbers that are the same everywhere (SplitMix64, Steele et al. 2014).
struct Noise: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Normal with standard deviation 1 (Box and Muller).
    mutating func normal() -> Double {
        let u = Double.random(in: 1e-12...1, using: &self)
        let v = Double.random(in: 0...1, using: &self)
        return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
    }
}

/// A person that walks, as the truth has it: 300 pixels tall, 8 keypoints that swing, 24 joints that turn.
struct Walker {
    var x = 200.0
    var speed = 100.0
    var height = 300.0
    /// Added to the keypoints at a time: a step, a jump.
    var extra: @Sendable (Double) -> Double = { _ in 0 }

    static let keypoints = 8

    func person(_ id: UInt32, at time: Double, state: TrackState? = .confirmed) -> Person {
        let center = SIMD2(x + speed * time, 400.0)
        var points: [SIMD3<Float>] = []
        var space: [SIMD3<Float>] = []
        for index in 0..<Self.keypoints {
            let swing = sin(2 * .pi * time + Double(index))
            let dx = 0.1 * height * swing
            let dy = height * (Double(index) / Double(Self.keypoints) - 0.45) + extra(time)
            points.append(SIMD3(Float(center.x + dx), Float(center.y + dy), 0.9))
            space.append(SIMD3(Float(0.17 * swing), Float(dy / height * 1.7), Float(0.1 * cos(2 * .pi * time))))
        }
        let rotations = Self.rotations(at: time)
        return Person(
            trackID: id, score: 0.9,
            bbox: BoundingBox(
                x: Float(center.x - 0.2 * height), y: Float(center.y - height / 2), width: Float(0.4 * height),
                height: Float(height)),
            observed: state != .predicted, state: state, keypoints2D: points, keypoints3D: space,
            cameraTranslation: SIMD3(Float(0.2 * time), 0.1, 5), focalLength: 1000,
            smpl: SMPLParameters(
                betas: (0..<10).map { Float($0) / 10 }, bodyPose: rotations.dropFirst().flatMap(\.rowMajor),
                globalOrient: rotations[0].rowMajor))
    }

    static func rotations(at time: Double) -> [Rotation] {
        (0..<24).map { joint in
            let angle = 0.5 * sin(2 * .pi * time + Double(joint))
            return Rotation(exp: SIMD3(angle, 0.3 * Double(joint % 3), 0.1))
        }
    }
}

extension Person {
    /// The person as an engine with errors sees it.
    func noisy(_ noise: inout Noise, pixels: Double = 2, metres: Double = 0.01, radians: Double = 0.03) -> Person {
        var person = self
        for index in keypoints2D.indices {
            person.keypoints2D[index].x += Float(noise.normal() * pixels)
            person.keypoints2D[index].y += Float(noise.normal() * pixels)
        }
        for index in keypoints3D.indices {
            person.keypoints3D[index] +=
                SIMD3(noise.normal(), noise.normal(), noise.normal()).single * Float(metres)
        }
        person.bbox.x += Float(noise.normal() * pixels)
        person.bbox.y += Float(noise.normal() * pixels)
        if var smpl {
            let rotations = (0..<24).map { joint -> Rotation in
                let exact =
                    joint == 0
                    ? Rotation(rowMajor: smpl.globalOrient)
                    : Rotation(rowMajor: smpl.bodyPose[(joint - 1) * 9..<joint * 9])
                return exact * Rotation(exp: SIMD3(noise.normal(), noise.normal(), noise.normal()) * radians)
            }
            smpl.globalOrient = rotations[0].rowMajor
            smpl.bodyPose = rotations.dropFirst().flatMap(\.rowMajor)
            smpl.betas = smpl.betas.map { $0 + Float(noise.normal() * 0.2) }
            person.smpl = smpl
        }
        return person
    }

    var joints: [Rotation] {
        guard let smpl else { return [] }
        return [Rotation(rowMajor: smpl.globalOrient)]
            + (0..<23).map { Rotation(rowMajor: smpl.bodyPose[$0 * 9..<$0 * 9 + 9]) }
    }
}

extension SIMD3<Double> {
    var single: SIMD3<Float> { SIMD3<Float>(Float(x), Float(y), Float(z)) }
}

let session = SessionID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))
let frameRate = 30.0

/// An outcome of the session: persons, or a drop where there are none to be had.
func outcome(_ sequence: Int, _ persons: [Person]?, time: Double? = nil, width: Int = 1920) throws -> Outcome {
    let time = Timestamp(nanoseconds: 1_700_000_000_000_000_000 + Int64((time ?? Double(sequence) / frameRate) * 1e9))
    return Outcome(
        frame: FrameHeader(
            stream: try StreamName("cam"), session: session, sequence: SequenceNumber(UInt64(sequence)),
            captureTime: time, acceptedTime: time, width: width, height: width * 9 / 16),
        engine: "test", skeleton: "test8",
        drop: persons == nil ? Drop(stage: .ingest, reason: .corruptJPEG) : nil, persons: persons ?? [])
}

/// Refines a session whole.
func refine(
    _ outcomes: [Outcome], options: RefinementOptions = .init(), appearance: AppearanceMeasure? = nil
) -> (outcomes: [Outcome], summary: RefinementSummary, plan: RefinementPlan) {
    var survey = SessionSurvey(options: options)
    for outcome in outcomes { survey.add(outcome) }
    let plan = survey.plan(appearance: appearance)
    let pass = RefinementPass(plan, options: options)
    var refined: [Outcome] = []
    for outcome in outcomes { refined += pass.add(outcome) }
    refined += pass.finish()
    return (refined, pass.summary, plan)
}

/// Root mean square.
func rms(_ values: [Double]) -> Double {
    (values.reduce(0) { $0 + $1 * $1 } / Double(max(values.count, 1))).squareRoot()
}

/// How much a series shakes: its second differences.
func jitter(_ values: [Double]) -> Double {
    rms(values.indices.dropFirst().dropLast().map { values[$0 - 1] - 2 * values[$0] + values[$0 + 1] })
}
