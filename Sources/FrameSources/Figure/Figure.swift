/// One moving person: who, where, and doing what.
struct Figure {
    let id: Int
    /// Relative to the standard body.
    let scale: Float
    let appearance: Appearance
    let motion: Motion
    /// Where the person stands in camera axes: x to the right, z away (y is the ground).
    let standing: Vector

    /// Everything of one moment: joints, and the vertices in the image.
    struct Moment {
        var vertices: [Rasterizer.Vertex]
        var person: KnownPerson
    }

    func moment(at time: Float, camera: Camera) -> Moment {
        let skeleton = Skeleton(motion.pose(at: time))
        let vertices = Body.mesh.vertices.map { vertex -> Rasterizer.Vertex in
            let (first, second) = (skeleton[vertex.first], skeleton[vertex.second])
            var place = first.rotation * (vertex.place - Anatomy.origin(of: vertex.first)) + first.origin
            var normal = first.rotation * vertex.normal
            if vertex.blend > 0 {
                let other = second.rotation * (vertex.place - Anatomy.origin(of: vertex.second)) + second.origin
                place += vertex.blend * (other - place)
                normal += vertex.blend * (second.rotation * vertex.normal - normal)
            }
            let point = camera.cameraPoint(scale * place, standing: standing)
            let pixel = camera.project(point)
            return Rasterizer.Vertex(
                x: pixel.x, y: pixel.y, nearness: 1 / point.z, normal: normal * Vector(1, -1, -1),
                place: vertex.place, material: vertex.material)
        }
        let joints = Anatomy.landmarks.map { bone, place in
            camera.cameraPoint(scale * skeleton.position(of: place, on: bone), standing: standing)
        }
        let hips = (joints[23] + joints[24]) / 2
        let height = scale * Anatomy.height
        return Moment(
            vertices: vertices,
            person: KnownPerson(
                id: id, height: height, heightInPixels: camera.focalLength * height / hips.z,
                keypoints2D: joints.map(camera.project), keypoints3D: joints,
                isVisible: [], bbox: []))
    }
}
