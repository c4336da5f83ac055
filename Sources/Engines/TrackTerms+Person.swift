internal import BlazePose
internal import JPEG
internal import Messages
internal import Tracking

extension TrackTerms where Appearance == PartColours {
    /// The terms of a person with BlazePose's joints.
    ///
    /// A weak-perspective camera says where the root is: the scale at which the joints in metres fit those in the picture
    /// gives the distance, for the focal length that 4D-Humans assumes (5000/256 of the longer side), of which the
    /// tracker sees ratios only.
    ///
    /// - Parameter image: the picture at any size.
    init(landmarks person: Person, picture: FramePicture, image: DecodedImage) {
        let layout = BodyLayout.blazepose33
        let hips = (person.keypoints2D[layout.leftHip] + person.keypoints2D[layout.rightHip]) / 2
        var scale = Self.scale(of: person.keypoints3D, in: person.keypoints2D)
        // Joints that fit no picture: the box of a person of 1.7 m has to do.
        if !(scale > 0 && scale.isFinite) { scale = max(person.bbox.width, person.bbox.height, 1) / 1.7 }
        let side = Double(max(picture.width, picture.height))
        let focalLength = 5000.0 / 256 * side
        let depth = focalLength / Double(scale)
        let offset = SIMD2(Double(hips.x) - Double(picture.width) / 2, Double(hips.y) - Double(picture.height) / 2)
        self.init(
            location: offset / side + 0.5,
            camera: SIMD3(offset.x * depth / focalLength, offset.y * depth / focalLength, depth),
            confidence: Double(person.score),
            pose: TorsoPose.vector(person.keypoints3D, layout: layout),
            appearance: PartColours(person, image: image, layout: layout))
    }

    /// Pixels a metre: least squares over the joints, weighted by their scores, around their means.
    private static func scale(of joints: [SIMD3<Float>], in pixels: [SIMD3<Float>]) -> Float {
        var weight: Float = 0
        var meanJoint = SIMD3<Float>.zero
        var meanPixel = SIMD3<Float>.zero
        // The joints of the body: those of face, hands and feet are close to each other and noisy.
        let used = [11, 12, 13, 14, 23, 24, 25, 26, 27, 28]
        for index in used {
            let share = max(pixels[index].z, 0.05)
            weight += share
            meanJoint += joints[index] * share
            meanPixel += pixels[index] * share
        }
        meanJoint /= weight
        meanPixel /= weight
        var product: Float = 0
        var square: Float = 0
        for index in used {
            let share = max(pixels[index].z, 0.05)
            let joint = joints[index] - meanJoint
            let pixel = pixels[index] - meanPixel
            product += share * (joint.x * pixel.x + joint.y * pixel.y)
            square += share * (joint.x * joint.x + joint.y * joint.y)
        }
        return product / square
    }
}

extension TrackTerms {
    /// The terms of a person with an SMPL body: its root is SMPL's, its pose SMPL's rotations and betas.
    ///
    /// - Precondition: `person` has `smpl`, `cameraTranslation` and `focalLength`.
    init(body person: Person, image: DecodedImage, appearance: Appearance) {
        guard let smpl = person.smpl, let camera = person.cameraTranslation, let focalLength = person.focalLength else {
            preconditionFailure("a person was taken for one with a body")
        }
        let side = Double(max(image.width, image.height))
        let place = SIMD2(Double(camera.x), Double(camera.y)) / Double(camera.z) * Double(focalLength)
        self.init(
            location: place / side + 0.5,
            camera: SIMD3<Double>(camera),
            confidence: Double(person.score),
            pose: smpl.globalOrient + smpl.bodyPose + smpl.betas,
            appearance: appearance)
    }
}

extension PartColours {
    /// What a person looks like in its picture, at any size of it.
    init(_ person: Person, image: DecodedImage, layout: BodyLayout) {
        let held = 1 / Float(image.scale.reduction)
        let keypoints = person.keypoints2D.map { $0 * SIMD3(held, held, 1) }
        self = image.withUnsafeBytes {
            PartColours(pixels: $0, width: image.width, height: image.height, keypoints: keypoints, layout: layout)
        }
    }
}
