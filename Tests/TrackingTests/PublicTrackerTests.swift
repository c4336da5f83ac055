import Checkpoints
import Foundation
import Testing
import Tracking

/// Against the identities that PHALP's own tracker gave the same persons (`Tests/Fixtures/tracking/make_golden.py`).
@Suite struct PublicTrackerTests {
    private let golden: GoldenSequences

    init() throws { golden = try GoldenSequences() }

    @Test(arguments: ["019", "010"]) func identitiesAreThoseOfThePublicTracker(equation: String) throws {
        var options = PersonTracker<EmbeddingTracking>.Options()
        if equation == "010" {
            options.cost = .equation010
            options.costAtShot = .equation010AtShot
        }
        let expected = golden.integers["track_\(equation)"]!
        var sequencesThatDiffer: [Int] = []
        for sequence in golden.frameCounts.indices {
            let identities = try golden.run(sequence, options: options).flatMap { $0.1.identities.map(\.id) }
            let theirs = golden.rows(sequence).map { expected[$0] }
            if numberedByAppearance(identities) != numberedByAppearance(theirs) { sequencesThatDiffer.append(sequence) }
        }
        #expect(golden.frameCounts.count >= 50)
        #expect(sequencesThatDiffer == [])
    }

    @Test func tracksAreConfirmedWhereThePublicTrackerConfirmsThem() throws {
        let states = golden.integers["state_019"]!
        for sequence in golden.frameCounts.indices {
            let found = try golden.run(sequence).flatMap { $0.1.identities.map { $0.isConfirmed ? 2 : 1 } }
            #expect(found == golden.rows(sequence).map { states[$0] }, "sequence \(sequence)")
        }
    }

    @Test func unseenPersonsAreExpectedWhereThePublicTrackerExpectsThem() throws {
        let expected = golden.integers["track_019"]!
        let rows = golden.predictedRows
        var found: [[Double]] = []
        for sequence in golden.frameCounts.indices {
            let run = try golden.run(sequence)
            let theirs = Dictionary(
                zip(run.flatMap { $0.1.identities.map(\.id) }, golden.rows(sequence).map { expected[$0] }),
                uniquingKeysWith: { first, _ in first })
            for (frame, answer) in run {
                let ofFrame = answer.predictions.map { one in
                    [
                        Double(sequence), Double(frame), Double(theirs[one.id]!), one.expectation.location.x,
                        one.expectation.location.y, one.expectation.nearness,
                    ]
                }
                found += ofFrame.sorted { $0[2] < $1[2] }
            }
        }
        #expect(found.count == rows.count && rows.count > 1000)
        var worst = 0.0
        for (a, b) in zip(found, rows) {
            #expect(Array(a[0..<3]) == Array(b[0..<3]))
            for (x, y) in zip(a[3...], b[3...]) { worst = max(worst, abs(x - y) / max(1, abs(y))) }
        }
        // The reference computes and keeps these in 32 bits.
        #expect(worst < 1e-5)
    }

    /// Numbers in the order in which they occur: two that become people in one frame may be numbered either way.
    private func numberedByAppearance(_ identities: [Int]) -> [Int] {
        var numbers: [Int: Int] = [:]
        return identities.map { identity in
            let number = numbers[identity] ?? numbers.count + 1
            numbers[identity] = number
            return number
        }
    }

    @Test func forecastsAndTheirIntervalsAreThoseOfRidgeRegression() {
        let numbers = golden.doubles
        var worst = 0.0
        for row in 0..<(numbers["ridge_horizon"]!.count) {
            let times = Array(numbers["ridge_time"]![(row * 7)..<(row * 7 + 7)])
            for (index, (name, penalty)) in [("ridge_x", 1.2), ("ridge_y", 2), ("ridge_n", 5)].enumerated() {
                let forecast = RidgeForecast(
                    times: times, values: Array(numbers[name]![(row * 7)..<(row * 7 + 7)]), penalty: penalty,
                    at: times[6] + numbers["ridge_horizon"]![row])
                for (value, expected) in [
                    (forecast.value, numbers["ridge_prediction"]![row * 3 + index]),
                    (forecast.interval, numbers["ridge_interval"]![row * 3 + index]),
                ] where expected.isFinite {
                    worst = max(worst, abs(value - expected) / max(1, abs(expected)))
                }
            }
        }
        #expect(worst < 1e-6)
    }

    /// A tracker that was saved and restored in each frame gives the same identities.
    @Test func aRestoredTrackerGoesOnAsIfNothingHadHappened() throws {
        for sequence in 0..<12 {
            let whole = try golden.run(sequence).map(\.1)
            let pieces = try golden.run(sequence, savingEachFrame: true).map(\.1)
            #expect(whole == pieces, "sequence \(sequence)")
        }
    }
}

/// The sequences in the file.
struct GoldenSequences {
    private(set) var integers: [String: [Int]] = [:]
    private(set) var doubles: [String: [Double]] = [:]
    private let floats: [String: [Float]]

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/tracking/golden.npz")
        let file = try NumpyArchive(contentsOf: path)
        var floats: [String: [Float]] = [:]
        for name in ["sequence", "frame", "frames", "shots", "track_019", "track_010", "state_019"] {
            integers[name] = try file.array(name).integers()
        }
        for name in ["xy", "camera", "confidence", "appearance", "pose", "predicted"] {
            floats[name] = try file.array(name).floats()
        }
        for name in ["time", "x", "y", "n", "horizon", "prediction", "interval"] {
            doubles["ridge_\(name)"] = try file.array("ridge_\(name)").doubles()
        }
        self.floats = floats
    }

    var frameCounts: [Int] { integers["frames"]! }

    func rows(_ sequence: Int) -> [Int] {
        integers["sequence"]!.indices.filter { integers["sequence"]![$0] == sequence }
    }

    /// Sequence, frame, track, x, y, nearness.
    var predictedRows: [[Double]] {
        let numbers = floats["predicted"]!.map(Double.init)
        return stride(from: 0, to: numbers.count, by: 6).map { Array(numbers[$0..<($0 + 6)]) }
    }

    func run(
        _ sequence: Int, options: PersonTracker<EmbeddingTracking>.Options = .init(), savingEachFrame: Bool = false
    ) throws -> [(Int, PersonTracker<EmbeddingTracking>.Answer)] {
        let rows = rows(sequence)
        let shots = integers["shots"]!
        let cuts = Set(
            stride(from: 0, to: shots.count, by: 2).filter { shots[$0] == sequence }.map { shots[$0 + 1] })
        var tracker = PersonTracker(model: EmbeddingTracking(), options: options)
        return try (0..<frameCounts[sequence]).map { frame in
            let present = rows.filter { integers["frame"]![$0] == frame }
            let answer = try tracker.update(present.map(terms), time: frame, isShot: cuts.contains(frame))
            if savingEachFrame {
                var writer = StateWriter()
                tracker.save(to: &writer)
                var reader = StateReader(writer.bytes)
                tracker = PersonTracker(model: EmbeddingTracking(), options: options)
                #expect(tracker.restore(from: &reader) && reader.isAtEnd)
            }
            return (frame, answer)
        }
    }

    private func terms(_ row: Int) -> TrackTerms<[Float]> {
        func numbers(_ name: String, _ count: Int) -> ArraySlice<Float> {
            floats[name]![(row * count)..<((row + 1) * count)]
        }
        let xy = Array(numbers("xy", 2))
        let camera = Array(numbers("camera", 3))
        return TrackTerms(
            location: SIMD2(Double(xy[0]), Double(xy[1])),
            camera: SIMD3(Double(camera[0]), Double(camera[1]), Double(camera[2])),
            confidence: Double(floats["confidence"]![row]),
            // The last three are a place, which a comparison of poses leaves out.
            pose: Array(numbers("pose", 9).dropLast(3)),
            appearance: Array(numbers("appearance", 8)))
    }
}
