internal import CTorch

/// The libtorch in this process.
public enum TorchRuntime {
    /// Makes it ready where the program is not linked with it (deploy/bundle). Call it once, before everything else.
    ///
    /// - Parameter torch: the folder `torch` inside a wheel's site-packages, or `system`; nil for $POSEBUS_TORCH, else
    ///   the system's. Programs that are linked with their libtorch take nil only.
    /// - Returns: what a person should know although it went well, such as that GPUs cannot be used.
    /// - Throws: `TorchError` where there is no libtorch that this program was built for.
    public static func open(_ torch: String?) throws(TorchError) -> String? {
        var warning: UnsafePointer<CChar>?
        try check(ctorch_open(torch, &warning), "opening libtorch")
        return warning.map { String(cString: $0) }
    }

    /// Its version, such as `1.13.1`.
    public static var version: String { String(cString: ctorch_version()) }

    /// How many CUDA devices it can use; 0 where it was built without CUDA.
    public static var cudaDeviceCount: Int { Int(ctorch_cuda_device_count()) }

    /// How many threads one operation may use.
    public static var threads: Int { Int(ctorch_threads()) }

    /// Sets how many threads one operation may use, for the whole process: ATen's own (OpenMP) and the BLAS library's.
    /// Call it once at start, on purpose: the default is every core, and those multiply with the caller's threads.
    ///
    /// - Throws: `TorchError` for a count below 1.
    public static func setThreads(_ count: Int) throws(TorchError) {
        try check(ctorch_set_threads(Int32(clamping: count)), "setting the number of threads to \(count)")
    }
}
