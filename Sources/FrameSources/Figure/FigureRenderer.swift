internal import Foundation

/// Renders frames of moving persons, and knows their joints. A frame depends only on the options and its index.
struct FigureRenderer {
    let options: TestSourceOptions
    private let camera: Camera
    private let scenery: Scenery
    private let figures: [Figure]
    private var rasterizer = Rasterizer()

    init(_ options: TestSourceOptions) {
        self.options = options
        camera = Camera(width: options.width, height: options.height)
        scenery = Scenery(width: options.width, height: options.height, seed: options.seed)
        var random = SeededRandom(seed: options.seed)
        let count = options.persons
        // A person takes 1.3 m of the width and sways about it, arms out; all have to fit.
        let widthNeeded = 1.3 * Float(count) + 0.9
        let fits = camera.focalLength * widthNeeded / Float(options.width)
        let distance = max(camera.distance(share: 0.68), fits)
        figures = (0..<count).map { id in
            Figure(
                id: id, scale: 0.95 + 0.1 * random.nextUnit(), appearance: Appearance(using: &random),
                motion: Motion(offset: id == 0 ? 0 : 20 * random.nextUnit()),
                standing: Vector(1.3 * (Float(id) - Float(count - 1) / 2), 0, distance + 0.3 * Float(id % 2)))
        }
    }

    /// Draws one frame: R, G, B bytes, row after row, and the persons in it.
    mutating func render(_ index: Int) -> (pixels: [UInt8], persons: [KnownPerson]) {
        let time = Float(Double(index) / options.frameRate)
        var pixels = scenery.pixels
        var moments = figures.map { $0.moment(at: time, camera: camera) }
        for moment in moments { drawShadow(of: moment.person, into: &pixels) }
        let boxes = moments.map { box(of: $0.vertices) }
        for index in moments.indices {
            let box = boxes[index]
            moments[index].person.bbox = [box.left, box.top, box.right - box.left, box.bottom - box.top]
        }
        rasterizer.begin(
            left: clamp(boxes.map(\.left).min(), options.width), top: clamp(boxes.map(\.top).min(), options.height),
            right: clamp(boxes.map { $0.right + 1 }.max(), options.width),
            bottom: clamp(boxes.map { $0.bottom + 1 }.max(), options.height))
        for (figure, moment) in zip(figures, moments) {
            rasterizer.draw(moment.vertices, Body.mesh.triangles, figure.appearance)
        }
        rasterizer.finish(into: &pixels, width: options.width)
        return (pixels, moments.map { withVisibility($0.person) })
    }

    private typealias Box = (left: Float, top: Float, right: Float, bottom: Float)

    private func box(of vertices: [Rasterizer.Vertex]) -> Box {
        var box: Box = (.infinity, .infinity, -.infinity, -.infinity)
        for vertex in vertices {
            box.left = min(box.left, vertex.x)
            box.top = min(box.top, vertex.y)
            box.right = max(box.right, vertex.x)
            box.bottom = max(box.bottom, vertex.y)
        }
        return box
    }

    private func clamp(_ value: Float?, _ limit: Int) -> Int {
        min(max(Int((value ?? 0).rounded(.down)), 0), limit)
    }

    /// A joint lies inside the body: it counts as hidden when a surface is further in front of it than flesh is thick.
    private func withVisibility(_ person: KnownPerson) -> KnownPerson {
        let thickness: Float = 0.14  // metres; half the depth of the pelvis
        var person = person
        person.isVisible = zip(person.keypoints2D, person.keypoints3D).map { pixel, point in
            guard 0..<Float(options.width) ~= pixel.x, 0..<Float(options.height) ~= pixel.y else { return false }
            let surface = rasterizer.nearness(atX: pixel.x, y: pixel.y)
            return surface == 0 || 1 / surface > point.z - thickness
        }
        return person
    }

    /// A soft dark patch on the snow under the feet.
    private func drawShadow(of person: KnownPerson, into pixels: inout [UInt8]) {
        let feet = (29...32).map { person.keypoints3D[$0] }
        let middle = feet.reduce(Vector.zero, +) / Float(feet.count)
        let center = camera.project(Vector(middle.x + 0.08, camera.elevation, middle.z))
        let perMetre = camera.focalLength / middle.z
        let (halfWidth, halfHeight) = (0.42 * perMetre, 0.42 * perMetre * camera.elevation / middle.z)
        let rows = clamp(center.y - halfHeight, options.height)..<clamp(center.y + halfHeight, options.height)
        let columns = clamp(center.x - halfWidth, options.width)..<clamp(center.x + halfWidth, options.width)
        for y in rows {
            for x in columns {
                let dx = (Float(x) - center.x) / halfWidth
                let dy = (Float(y) - center.y) / halfHeight
                let dark = 0.45 * smoothstep(0, 1, 1 - dx * dx - dy * dy)
                let start = 3 * (y * options.width + x)
                for channel in 0..<3 {
                    pixels[start + channel] = UInt8(Float(pixels[start + channel]) * (1 - dark))
                }
            }
        }
    }
}
