// swift-tools-version: 6.2

import Foundation
import PackageDescription

/// Where libtorch comes from: unset means the system's (Debian's libtorch-dev), a path means the `torch` folder of a
/// PyPI wheel, `off` leaves out what is compiled against it: programs then have every engine but hmr2.
let torchSetting = Context.environment["POSEBUS_TORCH"] ?? ""
let withTorch = torchSetting != "off"
let torchFolder = torchSetting.isEmpty || !withTorch ? nil : torchSetting

/// CUDA kernels register themselves when their library is loaded, so the linker must not drop it as unused.
let cudaLibraries = ["torch_cuda", "c10_cuda"].filter { name in
    torchFolder.map { FileManager.default.fileExists(atPath: "\($0)/lib/lib\(name).so") } ?? false
}

let torchCXXSettings: [CXXSetting] = torchFolder.map { [.unsafeFlags(["-isystem", "\($0)/include"])] } ?? []
let torchLinkerSettings: [LinkerSetting] =
    (torchFolder.map { [.unsafeFlags(["-L\($0)/lib", "-Xlinker", "-rpath", "-Xlinker", "\($0)/lib"])] } ?? [])
    + [.linkedLibrary("torch_cpu"), .linkedLibrary("c10")]
    + (cudaLibraries.isEmpty ? [] : [.unsafeFlags(["-Xlinker", "--no-as-needed"] + cudaLibraries.map { "-l\($0)" })])

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
/// SQLite's own interface, for the rows of every frame.
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = ["Hummingbird", "HummingbirdCore"].map { Target.Dependency.product(name: $0, package: "hummingbird") }
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nio =
    ["NIOCore", "NIOHTTP1", "NIOPosix", "NIOWebSocket"].map {
        Target.Dependency.product(name: $0, package: "swift-nio")
    }
    + ["NIOHTTPTypes", "NIOHTTPTypesHTTP1"].map { Target.Dependency.product(name: $0, package: "swift-nio-extras") }
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

func program(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, exclude: exclude,
        swiftSettings: swiftSettings)
}

// The data's way, from the cameras to the subscribers. Modules import only those above them.
var targets: [Target] = [
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    module("ZeroMQ", ["CZeroMQ"]),
    module("JPEG", ["CJPEG"]),
    module("Messages", [protobuf], exclude: ["Protos"]),
    module("Delivery", ["Messages"]),
    module("Store", ["Messages", grdb, sqlite]),
    module("Tracking"),
    module("Refinement", ["Messages", "Tracking"]),
    module("Spool", ["Messages"]),
    module("Security", ["ZeroMQ"]),
    module("Client", ["Delivery", "ZeroMQ", "Messages", "Security"]),
    module("Spawning"),
    module("FrameSources", ["JPEG", "Spawning"]),
    module("Metering"),
    module("Overview", ["Metering"]),
    module("Stage", ["Messages", "Security", "ZeroMQ", argumentParser, lifecycle, logging, unixSignals]),
    module(
        "Status",
        ["Metering", "Stage", argumentParser, lifecycle, logging]
            + ["NIOCore", "NIOHTTP1", "NIOPosix"].map { .product(name: $0, package: "swift-nio") }),
    module("Jobs", ["Client", "FrameSources", "JPEG", "Messages", "Stage", "ZeroMQ", grdb, logging]),
    .target(name: "CSHA256"),
    module("Checkpoints", ["CSHA256", "CZlib"]),
    module("Weights", ["Checkpoints", "CZlib"]),
    module("Settings", ["JPEG", "Messages", "Stage", "Weights", argumentParser, yams]),
    .target(name: "CWorkers"),
    .target(name: "CPlans", dependencies: ["CWorkers"]),
    module("Plans", ["CPlans"]),
    module("TFLite", ["Checkpoints", "Plans"]),
    module("BlazePose", ["Checkpoints", "Plans", "TFLite", "Weights"]),
    .target(name: "CSMPL"),
    module("Bodies", ["CSMPL", "Checkpoints", "Weights"]),
    .target(name: "CTorch"),
    module("Tensor", ["CTorch"]),
    module("SMPL", ["Bodies", "Tensor", "Weights"]),
    module("HMR2", ["Checkpoints", "SMPL", "Tensor", "Weights", yams]),
    module("PHALP", ["Checkpoints", "HMR2", "Tensor", "Weights"]),
    module(
        "Engines",
        ["BlazePose", "HMR2", "JPEG", "Messages", "PHALP", "Refinement", "Tensor", "Tracking", "Weights"]),
    module("Exports", ["Bodies", "CZlib", "FrameSources", "JPEG", "Messages", "Refinement", "Spawning"]),

    program(
        "Ingest",
        [
            "Settings", "Stage", "Status", "Delivery", "JPEG", "Messages", "Metering", "Security", "Spool", "ZeroMQ",
            argumentParser,
            lifecycle, logging,
        ]),
    program(
        "Infer",
        [
            "Settings", "Stage", "Status", "Delivery", "Engines", "JPEG", "Messages", "Metering", "Security",
            "Tensor", "Weights", "ZeroMQ", argumentParser, lifecycle, logging,
        ]),
    program(
        "Sink",
        [
            "Settings", "Stage", "Status", "Delivery", "Messages", "Metering", "Security", "Store", "ZeroMQ",
            argumentParser,
            lifecycle, logging,
        ]),
    program(
        "Gateway",
        [
            "Bodies", "Client", "Exports", "JPEG", "Jobs", "Messages", "Metering", "Security", "Settings", "Stage",
            "Status", "Weights",
            "ZeroMQ", argumentParser, httpTypes, lifecycle, logging,
            .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        ] + hummingbird + nio,
        // The viewer is served from where it lies: see ShippedFiles.
        exclude: ["Viewer"], resources: [.embedInCode("OpenAPI/openapi.json")]),
    program(
        "PoseBus",
        [
            "Bodies", "Checkpoints", "Client", "Exports", "FrameSources", "JPEG", "Messages", "Overview", "Refinement",
            "Security", "Settings", "Spawning", "Stage", "Store", "Tracking", "Weights", "ZeroMQ", argumentParser,
            unixSignals,
        ]),
    program(
        "Image",
        [
            "Engines", "FrameSources", "HMR2", "JPEG", "Messages", "SMPL", "Settings", "Stage", "Tensor", "Weights",
            argumentParser,
        ]),
    // What Tests/Parity compares with MediaPipe and with Google's interpreter.
    .executableTarget(
        name: "parity-runner",
        dependencies: [
            "BlazePose", "Checkpoints", "FrameSources", "HMR2", "JPEG", "PHALP", "Plans", "TFLite", "Tensor",
            "Tracking", "Weights", argumentParser,
        ],
        path: "Tests/Parity/Runner", swiftSettings: swiftSettings),

    tests("ZeroMQ"),
    tests("JPEG"),
    tests("Messages"),
    tests("Delivery", ["Messages"]),
    tests("Spool", ["Messages"]),
    tests("Tracking", ["Checkpoints"]),
    tests("Store", ["Messages", grdb]),
    tests("Refinement", ["Messages"]),
    tests("Security", ["ZeroMQ"]),
    tests("Client", ["Messages", "ZeroMQ"]),
    tests("Spawning"),
    tests("FrameSources", ["JPEG"]),
    tests("Metering"),
    tests("Overview", ["Metering"]),
    tests("Stage", ["Messages", logging]),
    tests("Status", ["Metering", "Stage", logging]),
    tests("Settings", [argumentParser]),
    tests("Jobs", ["FrameSources", "Ingest", "JPEG", "Messages", "Sink", "Stage", "ZeroMQ", logging]),
    tests("Checkpoints", ["CSHA256"]),
    tests("Weights"),
    tests("Plans"),
    tests("TFLite", ["Checkpoints", "Plans"]),
    tests("BlazePose", ["Checkpoints", "Weights"]),
    tests("Bodies", ["Checkpoints", "Weights"]),
    tests("Exports", ["Bodies", "Checkpoints", "JPEG", "Messages", "Weights"]),
    tests(
        "Ingest",
        ["Client", "Delivery", "JPEG", "Messages", "Settings", "Spool", "Stage", "ZeroMQ", lifecycle, logging]),
    tests("Sink", ["Client", "Messages", "Stage", "Store", "ZeroMQ", logging]),
]
var products: [Product] = [
    .executable(name: "posebus-ingest", targets: ["Ingest"]),
    .executable(name: "posebus-infer", targets: ["Infer"]),
    .executable(name: "posebus-sink", targets: ["Sink"]),
    .executable(name: "posebus-gateway", targets: ["Gateway"]),
    .executable(name: "posebus", targets: ["PoseBus"]),
    .executable(name: "posebus-image", targets: ["Image"]),
]

// What runs on libtorch is loaded where it is wanted (see Sources/CTorch/loader.c): the programs build without it, and
// only the part that is compiled against it, and tests that compute, need it.
if withTorch {
    targets += [
        .target(
            name: "CTorchPart", dependencies: ["CWorkers"], publicHeadersPath: ".",
            cxxSettings: torchCXXSettings + [.headerSearchPath("../CTorch/include")],
            linkerSettings: torchLinkerSettings),
        .target(name: "OpenTorch", dependencies: ["CTorch"], path: "Tests/OpenTorch"),
        tests("Tensor", ["OpenTorch"]),
        tests("Engines", ["JPEG", "Messages", "OpenTorch", "Tracking"]),
        tests("HMR2", ["Checkpoints", "OpenTorch", "Tensor", "Weights"]),
        tests("PHALP", ["Checkpoints", "HMR2", "OpenTorch", "Tensor", "Weights"]),
        tests("SMPL", ["Checkpoints", "OpenTorch", "Tensor", "Weights"]),
        tests("Infer", ["Messages", "OpenTorch", "ZeroMQ"]),
    ]
    products += [.library(name: "posebus-ctorch", type: .dynamic, targets: ["CTorchPart"])]
}

// The fuzzer links only with the sanitizer's flags: `deploy/fuzz` sets them and asks for it.
if Context.environment["POSEBUS_FUZZ"] != nil {
    targets += [
        .executableTarget(
            name: "Fuzz", dependencies: ["Checkpoints", "JPEG", "Messages", "Security", "Tracking"],
            swiftSettings: swiftSettings + [.enableExperimentalFeature("Extern")])
    ]
    products += [.executable(name: "posebus-fuzz", targets: ["Fuzz"])]
}

let package = Package(
    name: "PoseBus",
    products: products,
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.30.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    ],
    targets: targets,
    swiftLanguageModes: [.v6],
    // libtorch 1.13 does not compile as C++20, newer releases only as C++20.
    cxxLanguageStandard: torchFolder == nil ? .gnucxx17 : .gnucxx20
)
