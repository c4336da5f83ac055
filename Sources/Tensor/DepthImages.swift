internal import CTorch

/// A square picture's pinhole camera: at the origin, looking along z, x right and y down.
public struct RasterCamera: Sendable {
    /// In pixels.
    public var focalLength: Double
    /// Pixels a side; the middle is on the axis.
    public var size: Int
    /// What is seen is beyond this.
    public var near: Double
    /// And before this; also the depth of what is empty.
    public var far: Double

    /// All of it, stated.
    public init(focalLength: Double, size: Int, near: Double, far: Double) {
        (self.focalLength, self.size, self.near, self.far) = (focalLength, size, near, far)
    }
}

/// What computes depth images.
public enum RasterMethod: Sendable, CaseIterable {
    /// The kernel on a CPU and tensors elsewhere.
    case automatic
    /// This package's own loop over triangles; CPUs only.
    case kernel
    /// libtorch's operations, on any device.
    case tensors

    fileprivate var code: ctorch_raster_method {
        switch self {
        case .automatic: CTORCH_RASTER_AUTOMATIC
        case .kernel: CTORCH_RASTER_KERNEL
        case .tensors: CTORCH_RASTER_TENSORS
        }
    }
}

extension Tensor {
    /// The depth of what a camera sees nearest at each pixel's centre.
    ///
    /// - Parameters:
    ///   - vertices: (B, V, 3) in the camera's frame.
    ///   - faces: (F, 3), int64, on the same device; both sides are seen.
    /// - Returns: (B, size, size): z in the vertices' unit, or `camera.far` where there is nothing.
    /// - Throws: `TorchError` where the shapes do not fit or a face names a vertex that is not there.
    public static func depthImages(
        vertices: Tensor, faces: Tensor, camera: RasterCamera, method: RasterMethod = .automatic
    ) throws(TorchError) -> Tensor {
        try makeTensor("drawing \(faces.shape) triangles of \(vertices.shape) vertices") {
            ctorch_depth_images(
                vertices.handle, faces.handle, camera.focalLength, Int64(camera.size), camera.near, camera.far,
                method.code, $0)
        }
    }

    /// Bilinear samples of pictures, zero beyond their edges.
    ///
    /// - Parameter places: (B, N, 2): x and y, -1…1 from one edge of the picture to the other.
    /// - Returns: (B, C, N) for pictures (B, C, H, W).
    /// - Throws: `TorchError` where the shapes do not fit.
    public func sampled(at places: Tensor) throws(TorchError) -> Tensor {
        try makeTensor("sampling \(shape) at \(places.shape)") {
            ctorch_sample_bilinear(handle, places.handle, $0)
        }
    }
}
