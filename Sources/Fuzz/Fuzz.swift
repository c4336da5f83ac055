internal import Checkpoints
internal import Foundation
internal import Glibc
internal import JPEG
internal import Messages
internal import Security
internal import Tracking

/// `posebus-fuzz TARGET [options and folders of libFuzzer]`: throws bytes at what reads them first.
///
/// A target may refuse whatever it gets; it may not crash, hang, read what is not its own, or contradict itself.
/// Built and run by `deploy/fuzz`.
@main
struct Fuzz {
    static let targets: [String: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32] = [
        "wire": { fuzzWire(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "feeder": { fuzzFeeder(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "jpeg": { fuzzJPEG(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "pickle": { fuzzPickle(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "torch": { fuzzTorch(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "numpy": { fuzzNumpy(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "safetensors": { fuzzSafetensors(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "tracking": { fuzzTracking(UnsafeRawBufferPointer(start: $0, count: $1)) },
        "certificate": { fuzzCertificate(UnsafeRawBufferPointer(start: $0, count: $1)) },
    ]

    static func main() {
        guard let name = CommandLine.arguments.dropFirst().first, let target = targets[name] else {
            FileHandle.standardError.write(
                Data("posebus-fuzz: name a target: \(targets.keys.sorted().joined(separator: ", "))\n".utf8))
            exit(64)
        }
        // libFuzzer sees its own options only. Both live as long as the process.
        let arguments = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)
        let strings = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 1)
        for (index, argument) in arguments.enumerated() { strings[index] = strdup(argument) }
        strings[arguments.count] = nil
        var count = Int32(arguments.count)
        var values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = strings
        exit(runDriver(&count, &values, target))
    }
}

/// libFuzzer's loop. `main` stays ours, so that one program holds all targets.
@_extern(c, "LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// Everything that comes from another stage. What is read must be read the same way again once it is written.
private func fuzzWire(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    guard let kind = bytes.first else { return 0 }
    let wire = Array(bytes.dropFirst())
    switch kind % 3 {
    case 0:
        guard let header = try? FrameHeader(wire: wire) else { return 0 }
        let again = header.wireBytes()
        precondition((try? FrameHeader(wire: again).wireBytes()) == again, "a frame header changed")
    case 1:
        guard let outcome = try? Outcome(wire: wire) else { return 0 }
        let again = outcome.wireBytes()
        precondition((try? Outcome(wire: again).wireBytes()) == again, "an outcome changed")
        _ = outcome.jsonBytes()
    default:
        guard let acknowledgement = try? Acknowledgement(wire: wire) else { return 0 }
        let again = acknowledgement.wireBytes()
        precondition((try? Acknowledgement(wire: again).wireBytes()) == again, "an acknowledgement changed")
    }
    return 0
}

/// The JSON that cameras send. The quick reader may leave a header to the general one, but may not read it otherwise.
private func fuzzFeeder(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    let quick = FeederHeader.quick(json: bytes)
    // The general reader is thirty times slower: every input that the quick one takes, and a part of the others.
    let isChosen = bytes.count.isMultiple(of: 4) || bytes.count > 200
    guard quick != nil || isChosen else { return 0 }
    let general = try? FeederHeader(json: Array(bytes))
    if let quick { precondition(quick == general, "the two readers differ: \(quick), \(String(describing: general))") }
    _ = FeederAnswer(String(decoding: bytes, as: UTF8.self))
    return 0
}

/// The image: first the check that ingest makes, then, where that lets it through, the decoder.
private func fuzzJPEG(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    let limits = JPEGLimits(bytes: 1 << 20, pixels: 1 << 14)
    guard let header = try? JPEGHeader.check(bytes, limits: limits) else { return 0 }
    precondition(header.width > 0 && header.height > 0 && header.width * header.height <= limits.pixels)
    if let image = try? DecodedImage(jpeg: bytes, limits: limits) {
        precondition(image.width * image.height <= limits.pixels)
        image.withUnsafeBytes { precondition($0.count == 3 * image.width * image.height) }
    }
    return 0
}

/// What one infer saved of a session and another goes on with: whatever is taken must be one to go on with, and be saved as
/// it was read.
private func fuzzTracking(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    var tracker = PersonTracker(model: ColourTracking())
    var shots = ShotDetector()
    var reader = StateReader(Array(bytes))
    guard tracker.restore(from: &reader) else { return 0 }
    var writer = StateWriter()
    tracker.save(to: &writer)
    var again = StateReader(writer.bytes)
    var second = PersonTracker(model: ColourTracking())
    precondition(second.restore(from: &again) && again.isAtEnd, "a tracker that was read cannot be read again")
    _ = shots.restore(from: &reader)
    let person = TrackTerms(
        location: SIMD2(0.5, 0.5), camera: SIMD3(0, 0, 10), confidence: 1, pose: [], appearance: PartColours.unknown)
    for step in 1...2 {
        guard let answer = try? tracker.update([person], time: (tracker.time ?? 0) + step) else { return 0 }
        precondition(answer.identities.count == 1)
    }
    return 0
}

/// Certificates, which come from other people and other programs.
private func fuzzCertificate(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    guard let certificate = try? Certificate(text: String(decoding: bytes, as: UTF8.self)) else { return 0 }
    _ = certificate.metadata["streams"].map { FeedPermissions.Streams($0)?.contains("cam1") }
    return 0
}
