// swift-tools-version: 6.2

import PackageDescription

// The peers that are written in C: what the libraries below PoseBus do alone, compiled by the same compiler.
let package = Package(
    name: "PoseBusBenchmarks",
    products: [
        .executable(name: "raw-hops", targets: ["RawHops"]),
        .executable(name: "raw-store", targets: ["RawStore"]),
    ],
    targets: [
        .executableTarget(name: "RawHops", linkerSettings: [.linkedLibrary("zmq")]),
        .executableTarget(name: "RawStore", linkerSettings: [.linkedLibrary("sqlite3")]),
    ],
    cLanguageStandard: .gnu11
)
