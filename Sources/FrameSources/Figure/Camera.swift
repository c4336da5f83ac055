/// A level pinhole camera. Pixel coordinates have their origin at the top left corner of the image.
struct Camera {
    var width: Int
    var height: Int
    /// In pixels.
    var focalLength: Float
    /// Above the ground, in metres.
    var elevation: Float = 1.05

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        focalLength = 1.6 * Float(min(width, height))
    }

    /// From body space (shifted to where the person stands) to camera space.
    func cameraPoint(_ p: Vector, standing: Vector) -> Vector {
        Vector(p.x + standing.x, elevation - p.y, standing.z - p.z)
    }

    func project(_ p: Vector) -> SIMD2<Float> {
        SIMD2(
            Float(width) / 2 + focalLength * p.x / p.z,
            Float(height) / 2 + focalLength * p.y / p.z)
    }

    /// How far away the ground fills the image below the horizon so that a person of 1.75 m is `share` of its height.
    func distance(share: Float) -> Float {
        focalLength * Anatomy.height / (share * Float(height))
    }
}
