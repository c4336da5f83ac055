internal import CTorch

/// The libtorch in this process.
public enum TorchRuntime {
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
