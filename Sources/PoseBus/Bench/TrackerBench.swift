internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Stage
internal import Tracking

extension BenchCommand {
    struct Tracker: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tracker",
            abstract: "Frames a second of the tracker alone, over detections from a file.",
            discussion: """
                The file is a .npz of one row a detection, ordered by frame: frame, truth (who it is), xy, camera, confidence, \
                appearance and pose, as Benchmarks/peers/phalp/walkers.py writes it.
                """)

        @Argument(help: "The detections.")
        var file: String

        @Option(help: "How often the whole file is tracked; the median counts.")
        var runs = 5

        @Flag(help: "Print one line of JSON.")
        var json = false

        func validate() throws {
            guard runs > 0 else { throw ValidationError("--runs must be positive") }
        }

        func run() throws {
            do {
                let frames = try Self.frames(of: URL(fileURLWithPath: file))
                let measured = try (0..<runs).map { _ in try Self.track(frames) }.sorted { $0.seconds < $1.seconds }
                let median = measured[measured.count / 2]
                let rate = Double(frames.count) / median.seconds
                print(
                    json
                        ? "{\"frames_per_second\": \(rate.fixed(1)), \"identities\": \(median.identities), "
                            + "\"changes\": \(median.changes)}"
                        : "frames/s          \(rate.fixed(0)) (\(frames.count) frames)\n"
                            + "identities        \(median.identities), \(median.changes) changes")
            } catch let error as CheckpointError {
                printError("posebus bench: \(error)")
                throw ExitCode.failure
            }
        }

        /// What was found in one frame, and who it really is.
        private typealias Frame = [(terms: TrackTerms<[Float]>, truth: Int)]

        private static func frames(of url: URL) throws -> [Frame] {
            let file = try NumpyArchive(contentsOf: url)
            func rows(_ name: String) throws -> (Int) -> [Float] {
                let array = try file.array(name)
                let (values, width) = (try array.floats(), array.shape.dropFirst().reduce(1, *))
                return { Array(values[($0 * width)..<(($0 + 1) * width)]) }
            }
            let (numbers, truth) = (try file.array("frame").integers(), try file.array("truth").integers())
            let (places, cameras, confidences) = (try rows("xy"), try rows("camera"), try rows("confidence"))
            let (appearances, poses) = (try rows("appearance"), try rows("pose"))
            var frames = [Frame](repeating: [], count: (numbers.max() ?? -1) + 1)
            for (row, frame) in numbers.enumerated() {
                let (place, camera) = (places(row).map(Double.init), cameras(row).map(Double.init))
                let terms = TrackTerms(
                    location: SIMD2(place[0], place[1]), camera: SIMD3(camera[0], camera[1], camera[2]),
                    confidence: Double(confidences(row)[0]), pose: poses(row), appearance: appearances(row))
                frames[frame].append((terms, truth[row]))
            }
            return frames
        }

        private static func track(_ frames: [Frame]) throws -> (seconds: Double, identities: Int, changes: Int) {
            var options = PersonTracker<EmbeddingTracking>.Options()
            options.cost = .equation010
            options.costAtShot = .equation010AtShot
            var tracker = PersonTracker(model: EmbeddingTracking(), options: options)
            var spent = Duration.zero
            var known: Set<Int> = []
            var last: [Int: Int] = [:]
            var changes = 0
            for (time, frame) in frames.enumerated() {
                let detections = frame.map(\.terms)
                let start = ContinuousClock.now
                let answer = try tracker.update(detections, time: time)
                spent += .now - start
                for (identity, one) in zip(answer.identities, frame) {
                    known.insert(identity.id)
                    if let before = last.updateValue(identity.id, forKey: one.truth), before != identity.id {
                        changes += 1
                    }
                }
            }
            return (spent / .seconds(1), known.count, changes)
        }
    }
}
