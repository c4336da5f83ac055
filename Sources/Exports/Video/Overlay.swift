internal import Bodies
internal import FrameSources
internal import Messages

/// Draws what is known of a frame onto its picture: bodies half transparent, skeletons, identities.
struct Overlay {
    private let model: BodyModel?
    private var painter = BodyPainter()

    /// - Parameter model: for the surfaces of persons with a body.
    init(_ model: BodyModel?) {
        self.model = model
    }

    /// Draws everybody. Who is only expected is drawn more faintly, and named with a question mark.
    mutating func draw(_ outcome: Outcome, onto canvas: inout Canvas) {
        drawBodies(outcome, onto: &canvas)
        guard let skeleton = Skeleton.named(outcome.skeleton) else { return }
        // A 1080p frame gets lines of 4 pixels.
        let width = max(1.5, Float(min(canvas.width, canvas.height)) / 270)
        for person in outcome.persons {
            let color = PersonColor.of(person.trackID)
            let opacity: Float = person.observed ? 1 : 0.4
            func point(_ place: Int) -> SIMD2<Float>? {
                guard place < person.keypoints2D.count, person.keypoints2D[place].z >= 0.3 || !person.observed else {
                    return nil
                }
                return SIMD2(person.keypoints2D[place].x, person.keypoints2D[place].y)
            }
            for (one, other) in skeleton.bones {
                guard let from = point(one), let to = point(other) else { continue }
                canvas.line(from: from, to: to, width: width + 2, color: .zero, opacity: 0.4 * opacity)
                canvas.line(from: from, to: to, width: width, color: color, opacity: opacity)
            }
            for place in Set(skeleton.bones.flatMap { [$0.0, $0.1] }) {
                guard let center = point(place) else { continue }
                canvas.disc(center, radius: 0.9 * width, color: SIMD3(repeating: 1), opacity: opacity)
            }
            let scale = max(1, canvas.height / 360)
            canvas.label(
                "#\(person.trackID)" + (person.observed ? "" : "?"), x: Int(clamping: person.bbox.x),
                y: Int(clamping: person.bbox.y) - 12 * scale, scale: scale, color: color)
        }
    }

    private mutating func drawBodies(_ outcome: Outcome, onto canvas: inout Canvas) {
        guard let model else { return }
        let bodies = outcome.persons.compactMap { person -> BodyPainter.Surface? in
            guard let smpl = person.body, let place = person.cameraTranslation, let focalLength = person.focalLength,
                person.observed
            else { return nil }
            let vertices = model.pose(
                betas: smpl.betas, globalOrient: smpl.globalOrient, bodyPose: smpl.bodyPose
            ).vertices.map { $0 + place }
            return BodyPainter.Surface(
                vertices: vertices, color: PersonColor.of(person.trackID), focalLength: focalLength)
        }
        guard !bodies.isEmpty else { return }
        painter.draw(
            bodies, triangles: model.faces, opacity: 0.6, into: &canvas.pixels, width: canvas.width,
            height: canvas.height, pictureWidth: outcome.frame.width, pictureHeight: outcome.frame.height)
    }
}

extension Int {
    /// The whole part of a number, however large.
    fileprivate init(clamping value: Float) {
        self = value.isFinite ? Int(Swift.max(-1e6, Swift.min(1e6, value))) : 0
    }
}
