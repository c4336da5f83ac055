internal import ArgumentParser
internal import Engines
internal import Foundation
internal import FrameSources
internal import JPEG
internal import Messages
internal import Settings
internal import Stage
internal import Weights

/// `posebus image`: the poses in still images, without the bus.
struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Find the poses in still images; one JSON object a line.",
        discussion: """
            The keys are those of an outcome (width, height, engine, skeleton, persons, timing_ms) and `file`. Pixels are of \
            the upright image. An image that cannot be read is reported on standard error, the others go on, and the exit \
            status is 1.

            With --box exactly one person is given for each box, in that order:
              posebus image photo.jpg --box 120,80,340,620 --box 400,90,610,600
            """)

    @Argument(help: "Image files. JPEG is read as it is, other kinds through ffmpeg.")
    var files: [String]

    @Option(help: ArgumentHelp(EngineKind.help))
    var engine = EngineKind.blazepose

    @Option(name: .customLong("box"), help: "x1,y1,x2,y2 in pixels: a person is here. Repeat for more persons.")
    var boxes: [BoxArgument] = []

    @Option(help: "Folder of the weight files. Default: $POSEBUS_MODELS, else ~/.local/share/posebus/models.")
    var models: String?

    @Flag(
        help: "With hmr2: add `faces`, and for each person of `persons` its `vertices`, in metres in the body's frame.")
    var vertices = false

    @OptionGroup(title: "HMR2") var settings: EngineSettings

    @Option(help: "Threads the engine computes with. Default: all cores.")
    var threads: Int?

    func validate() throws {
        if !boxes.isEmpty && files.count != 1 {
            throw ValidationError("--box needs exactly one image: boxes belong to one picture")
        }
        if vertices, engine != .hmr2 {
            throw ValidationError("--vertices needs --engine hmr2: \(engine.rawValue) has no mesh")
        }
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
    }

    func run() throws {
        let folder = models.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? ModelsFolder.standard()
        let loaded: any PoseEngine
        do {
            var options = EngineOptions(
                models: folder, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            if engine.usesTorch {
                try openTorch(settings)
                try options.apply(
                    // A single picture needs no tracker.
                    hmr2Dir: settings.hmr2Dir, phalpDir: "none", device: settings.device,
                    precision: settings.precision, focalLengths: settings.focalLengthsByStream)
            }
            loaded = try engine.makeEngine(options)
        } catch {
            printError("posebus image: \(error)")
            throw ExitCode.failure
        }
        var allGood = true
        for file in files {
            do {
                print(try line(file, loaded))
            } catch {
                allGood = false
                printError("\(file): \(error)")
            }
        }
        if !allGood { throw ExitCode.failure }
    }

    private func line(_ file: String, _ engine: any PoseEngine) throws -> String {
        guard FileManager.default.fileExists(atPath: file) else { throw FrameSourceError("there is no such file") }
        guard let frame = try FrameSourceSpec(parsing: file).open().next() else {
            throw FrameSourceError("it holds no image")
        }
        let image = try DecodedImage.decode(frame.jpeg)
        let start = ContinuousClock.now
        let persons = try engine.processStill(image, boxes: boxes.map(\.box))
        let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
        let meshes = vertices ? try persons.compactMap { try engine.mesh(of: $0) } : []
        return json(
            file: file, image: image, engine: engine, persons: persons, meshes: meshes, milliseconds: milliseconds)
    }

    /// The line of one image: an outcome's keys, as far as they have a meaning without a stream.
    private func json(
        file: String, image: DecodedImage, engine: any PoseEngine, persons: [Person], meshes: [BodyMesh],
        milliseconds: Double
    ) -> String {
        var json = JSONWriter()
        json.object { json in
            json.key("engine")
            json.text(engine.name)
            if vertices {
                json.key("faces")
                let faces = meshes.first?.triangles ?? []
                json.array { json in
                    for first in stride(from: 0, to: faces.count, by: 3) {
                        json.array { json in for corner in 0..<3 { json.value(faces[first + corner]) } }
                    }
                }
            }
            json.key("file")
            json.text(file)
            json.key("height")
            json.value(image.height)
            json.key("persons")
            json.array { json in persons.forEach { json.value($0) } }
            json.key("skeleton")
            json.text(engine.skeleton)
            json.key("timing_ms")
            json.object { json in
                json.key("infer")
                json.value(milliseconds, decimals: 2)
            }
            json.key("v")
            json.value(ProtocolVersion.written)
            if vertices {
                json.key("vertices")
                json.array { json in
                    for mesh in meshes {
                        json.array { json in
                            for vertex in mesh.vertices {
                                json.array { json in for axis in 0..<3 { json.value(vertex[axis], decimals: 5) } }
                            }
                        }
                    }
                }
            }
            json.key("width")
            json.value(image.width)
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

/// A box on the command line, by two corners.
struct BoxArgument: ExpressibleByArgument {
    let box: BoundingBox

    init?(argument: String) {
        let numbers = argument.split(separator: ",").compactMap { Float($0) }
        guard numbers.count == 4, numbers.allSatisfy(\.isFinite), numbers[2] > numbers[0], numbers[3] > numbers[1]
        else { return nil }
        box = BoundingBox(
            x: numbers[0], y: numbers[1], width: numbers[2] - numbers[0], height: numbers[3] - numbers[1])
    }
}
