extension PoseTracker {
    /// How many pixels of the next frame's full size a network's pixel stands for at least, along each side, where it is looked at
    /// first: whoever decodes the frame needs no more of it than that. Looks that want more ask for it (`RGBImage.fine`).
    ///
    /// - Parameters:
    ///   - width: the frame's, in pixels, as `height`.
    public func pitch(width: Int, height: Int) -> Float {
        // What is searched at once: where somebody is followed, the larger parts alone.
        let scales = tracks.isEmpty ? PosePipeline.partScales : [PosePipeline.partScales[0]]
        let part = Float(min(width, height)) * (scales.min() ?? 1) / Float(DetectorAnchors.inputSide)
        return tracks.reduce(part) { min($0, $1.region.size / Float(LandmarkDecoder.inputSide)) }
    }
}
