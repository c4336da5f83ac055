/// The colour by which a person is known in pictures and scenes.
enum PersonColor {
    private static let palette: [SIMD3<Float>] = [
        SIMD3(0.98, 0.45, 0.20), SIMD3(0.20, 0.62, 0.95), SIMD3(0.30, 0.78, 0.35), SIMD3(0.86, 0.32, 0.72),
        SIMD3(0.95, 0.78, 0.18), SIMD3(0.25, 0.80, 0.78), SIMD3(0.62, 0.45, 0.92), SIMD3(0.80, 0.55, 0.42),
    ]

    /// sRGB, 0 to 1.
    static func of(_ track: UInt32) -> SIMD3<Float> { palette[Int(track % UInt32(palette.count))] }
}
