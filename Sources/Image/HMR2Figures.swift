internal import Foundation

/// What `posebus bench hmr2` has measured.
struct HMR2Figures {
    let device: String
    let threads: Int
    let libtorch: String
    let precision: String
    let loadingSeconds: Double
    /// From the start of loading to the first answer.
    let firstAnswerSeconds: Double
    /// MB of resident memory: the most before loading, the most while loading, and what is kept.
    let memoryBefore: Int, memoryWhileLoading: Int, memoryKept: Int
    let weightBytes: Int
    /// Crops that went through the network together.
    let batch: Int
    /// Of each run.
    let batchSeconds: [Double]
    /// Multiplications and additions in the matrix products of one crop.
    let operationsPerCrop: Double
    /// Operations a second of the fastest matrix product in the same precision.
    let productRate: Double
    /// Of each run of another implementation.
    let peerSeconds: [Double]

    private var median: Double { Self.median(batchSeconds) }
    private var share: Double { Double(batch) * operationsPerCrop / median / productRate }

    /// One object on one line.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            let written = Written(
                device: device, precision: precision, libtorch: libtorch, threads: threads, batch: batch,
                seconds: median, cropsPerSecond: Double(batch) / median, operationsPerCrop: operationsPerCrop,
                productRate: productRate, productShare: share, loadingSeconds: loadingSeconds,
                memoryKept: memoryKept)
            return String(decoding: try encoder.encode(written), as: UTF8.self)
        }
    }

    private struct Written: Encodable {
        let device, precision, libtorch: String
        let threads, batch: Int
        let seconds, cropsPerSecond, operationsPerCrop, productRate, productShare, loadingSeconds: Double
        let memoryKept: Int

        enum CodingKeys: String, CodingKey {
            case device, precision, libtorch, threads, batch, seconds
            case cropsPerSecond = "crops_per_second"
            case operationsPerCrop = "operations_per_crop"
            case productRate = "product_operations_per_second"
            case productShare = "product_share"
            case loadingSeconds = "loading_seconds"
            case memoryKept = "memory_mb"
        }
    }

    /// For people.
    var text: String {
        var lines = [
            "device             \(device), \(threads) threads, libtorch \(libtorch), \(precision)",
            "loading            \(Self.text(loadingSeconds)) s; first answer \(Self.text(firstAnswerSeconds)) s after the start",
            "memory             \(memoryWhileLoading) MB at most while loading, \(memoryBefore) MB before; \(memoryKept) MB kept",
            "weights            \(weightBytes >> 20) MB in \(precision)",
            "a batch of \(batch)".padding(toLength: 19, withPad: " ", startingAt: 0)
                + "\(Self.text(median)) s median of \(batchSeconds.count) "
                + "(\(Self.text(batchSeconds.min() ?? 0))–\(Self.text(batchSeconds.max() ?? 0)))",
            "a crop             \(Self.text(median / Double(batch))) s, "
                + "\(Int(Double(batch) * operationsPerCrop / median / 1e9)) GFLOP/s",
            "product peak       \(Int(productRate / 1e9)) GFLOP/s, the best of several matrix products in "
                + "\(precision); HMR2 reaches \(Self.text(share)) of it",
        ]
        if !peerSeconds.isEmpty {
            let other = Self.median(peerSeconds)
            lines.append(
                "peer               \(Self.text(other)) s median of \(peerSeconds.count); "
                    + "HMR2 here takes \(Self.text(median / other)) of its time")
        }
        return lines.joined(separator: "\n")
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func text(_ value: Double) -> String { String(format: "%.3f", value) }
}
