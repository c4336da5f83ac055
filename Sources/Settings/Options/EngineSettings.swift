public import ArgumentParser

/// What the models are told beyond where their files lie. Words only: which of them fit this machine, the engine says when
/// it is loaded.
public struct EngineSettings: ParsableArguments {
    @Option(
        help: "Folder of HMR2's files, in 4D-Humans' layout. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.",
        completion: .directory)
    public var hmr2Dir: String?

    @Option(
        help: """
            Folder of PHALP's files, in its layout, with which engine hmr2 tells persons apart; none for doing without. \
            Default: $POSEBUS_PHALP or ~/.cache/phalp if its files are there, else none.
            """,
        completion: .directory)
    public var phalpDir: String?

    @Option(
        help: ArgumentHelp(
            """
            The libtorch to compute with, where the program comes from a bundle: system, or the folder torch inside a wheel's \
            site-packages. Default: $POSEBUS_TORCH, else the system's.
            """, valueName: "folder"),
        completion: .directory)
    public var torch: String?

    @Option(help: "Where HMR2 computes: cpu, cuda, cuda:N or auto (a GPU if there is one).")
    public var device = "auto"

    @Option(help: "What HMR2 computes in: fp32, bf16, fp16 (GPUs only) or auto (bf16 where the machine is fast at it).")
    public var precision = "auto"

    @Flag(
        help: """
            Steady live poses with a 1-euro filter: a still rider stays still, a fast arm lags by a frame. Without it results are \
            what the models say; posebus refine steadies what is stored, without the lag.
            """)
    public var smooth = false

    @Option(
        name: .customLong("focal-length"),
        help: """
            The camera's focal length in pixels, for HMR2's camera translation: PIXELS for every stream or STREAM=PIXELS for \
            one; repeat. Default: 5000/256 of the picture's longer side, as 4D-Humans takes it.
            """)
    public var focalLengths: [String] = []

    public init() {}

    public func validate() throws {
        guard ["fp32", "bf16", "fp16", "auto"].contains(precision) else {
            throw ValidationError("--precision \(precision): fp32, bf16, fp16 and auto are known")
        }
        let isNumbered = device.hasPrefix("cuda:") && Int(device.dropFirst(5)).map { (0...127).contains($0) } == true
        guard ["cpu", "cuda", "auto"].contains(device) || isNumbered else {
            throw ValidationError("--device \(device): cpu, cuda, cuda:N and auto are known")
        }
        for text in focalLengths where Self.parse(text) == nil {
            throw ValidationError("--focal-length \(text): PIXELS or STREAM=PIXELS, above 0, is expected")
        }
    }

    /// Pixels by the stream's name; those without a name count for every other stream.
    public var focalLengthsByStream: [String?: Float] {
        Dictionary(focalLengths.compactMap(Self.parse), uniquingKeysWith: { $1 })
    }

    /// The same words for another program's command line.
    public var arguments: [String] {
        let folders = [("--hmr2-dir", hmr2Dir), ("--phalp-dir", phalpDir), ("--torch", torch)]
        return folders.flatMap { name, folder in folder.map { [name, $0] } ?? [] }
            + ["--device", device, "--precision", precision] + (smooth ? ["--smooth"] : [])
            + focalLengths.flatMap { ["--focal-length", $0] }
    }

    private static func parse(_ text: String) -> (String?, Float)? {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard let number = parts.last.flatMap({ Float($0) }), number.isFinite, number > 0 else { return nil }
        return (parts.count == 2 ? String(parts[0]) : nil, number)
    }
}
