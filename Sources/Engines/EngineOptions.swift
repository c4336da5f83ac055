package import Foundation
package import Tensor
package import Weights

/// What an engine is made with.
package struct EngineOptions: Sendable {
    /// The folder of BlazePose's weight files.
    package var models: URL
    /// How many threads one computation may use.
    package var threads: Int
    /// HMR2's files.
    package var hmr2 = HMR2Folder.standard()
    /// PHALP's files; nil: persons are told apart by the colours of their clothes.
    package var phalp: PHALPFolder?
    /// Where HMR2 computes.
    package var device = Device.cpu
    /// What it computes in; nil takes what is fastest there.
    package var precision: Precision?
    /// Whether live poses are steadied.
    package var smooths = false
    /// Focal lengths in pixels by the stream's name; nil's counts for every stream without one of its own.
    package var focalLengths: [String?: Float] = [:]

    /// Options, as they are given by default.
    package init(models: URL, threads: Int) {
        self.models = models
        self.threads = threads
    }

    /// Takes over the words of a command line that concern HMR2, after libtorch was opened.
    ///
    /// - Throws: `TorchError` where a GPU is asked for that libtorch does not see.
    package mutating func apply(
        hmr2Dir: String?, phalpDir: String?, device: String, precision: String, focalLengths: [String?: Float]
    ) throws(TorchError) {
        hmr2 = .chosen(hmr2Dir)
        if phalpDir == "none" {
            phalp = nil
        } else {
            let folder = PHALPFolder.chosen(phalpDir)
            // What was asked for must be there; what lies where PHALP keeps it is used if it does.
            phalp = phalpDir != nil || folder.isComplete ? folder : nil
        }
        let count = TorchRuntime.cudaDeviceCount
        if device == "auto" {
            self.device = count > 0 ? .cuda(0) : .cpu
        } else {
            self.device = Device(device) ?? .cpu
        }
        if case .cuda(let index) = self.device, index >= count {
            throw TorchError(
                operation: "using \(self.device)",
                message:
                    "libtorch \(TorchRuntime.version) sees \(count) GPUs; choose another --device, or build with a "
                    + "libtorch for CUDA (POSEBUS_TORCH)")
        }
        self.precision = Precision(rawValue: precision)
        self.focalLengths = focalLengths
    }
}
