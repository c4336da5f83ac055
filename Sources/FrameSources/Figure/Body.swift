/// The surface of the standing body: a T-shirt, long trousers, shoes, bare forearms, a head with a face.
///
/// Girths are those of an adult of 1.75 m and 70 kg, clothes included.
enum Body {
    static let mesh: Mesh = {
        var left = arm
        left.add(hand)
        left.add(leg)
        left.add(shoe)
        left.add(ear)
        var mesh = torso
        mesh.add(skull)
        mesh.add(nose)
        mesh.add(left)
        mesh.addMirrored(left)
        mesh.computeNormals()
        return mesh
    }()

    private static var torso: Mesh {
        // Height above the ground, half the width, half the depth, how far back the middle lies.
        let sections: [(Float, Float, Float, Float)] = [
            (0.845, 0.100, 0.085, 0.000), (0.875, 0.150, 0.108, -0.005), (0.920, 0.168, 0.118, -0.008),
            (0.970, 0.168, 0.115, -0.005), (1.020, 0.156, 0.106, 0.000), (1.080, 0.146, 0.100, 0.003),
            (1.150, 0.146, 0.102, 0.003), (1.220, 0.155, 0.110, 0.002), (1.290, 0.166, 0.117, 0.000),
            (1.350, 0.174, 0.116, -0.004), (1.400, 0.182, 0.105, -0.010), (1.440, 0.182, 0.088, -0.014),
            (1.470, 0.152, 0.075, -0.018), (1.492, 0.098, 0.066, -0.018), (1.515, 0.066, 0.062, -0.014),
            (1.545, 0.056, 0.058, -0.006), (1.580, 0.055, 0.058, 0.000),
        ]
        var mesh = Mesh()
        let rings = sections.reversed().map { y, width, depth, z in
            Mesh.Ring(
                center: Vector(0, y, z), width: width, depth: depth,
                material: y < 0.93 ? .trousers : y < 1.50 ? .shirt : .skin)
        }
        mesh.addTube(rings, segments: 28, power: 2.4) { place in
            place.y < 1.40
                ? (.pelvis, .chest, smoothstep(0.96, 1.20, place.y)) : (.chest, .head, smoothstep(1.47, 1.57, place.y))
        }
        return mesh
    }

    private static var arm: Mesh {
        let sections: [(Float, Float, Float)] = [
            (0.042, 0.020, 0.022), (0.033, 0.040, 0.042), (0.010, 0.054, 0.056), (-0.030, 0.058, 0.061),
            (-0.090, 0.055, 0.060), (-0.150, 0.052, 0.056), (-0.172, 0.051, 0.055), (-0.176, 0.042, 0.046),
            (-0.230, 0.040, 0.043), (-0.295, 0.039, 0.041), (-0.345, 0.041, 0.043), (-0.400, 0.037, 0.039),
            (-0.470, 0.030, 0.033), (-0.530, 0.024, 0.030), (-0.560, 0.023, 0.030),
        ]
        var mesh = Mesh()
        let rings = sections.map { y, width, depth in
            Mesh.Ring(
                center: Anatomy.shoulder + Vector(0, y, 0), width: width, depth: depth,
                material: y > -0.174 ? .shirt : .skin)
        }
        mesh.addTube(rings) { place in
            place.y > Anatomy.elbow.y - 0.10
                ? (.leftForearm, .leftUpperArm, smoothstep(-0.05, 0.05, place.y - Anatomy.elbow.y))
                : (.leftHand, .leftForearm, smoothstep(0.0, 0.12, place.y - Anatomy.wrist.y))
        }
        return mesh
    }

    private static var hand: Mesh {
        var mesh = Mesh()
        let palm: [(Float, Float, Float)] = [
            (0.010, 0.020, 0.026), (-0.020, 0.018, 0.034), (-0.050, 0.017, 0.041), (-0.085, 0.014, 0.042),
            (-0.100, 0.011, 0.039),
        ]
        mesh.addTube(
            palm.map {
                Mesh.Ring(
                    center: Anatomy.wrist + Vector(0, $0.0, 0), width: $0.1, depth: $0.2, material: .skin)
            }
        ) { _ in (.leftHand, .leftHand, 0) }
        func finger(from start: Vector, to end: Vector, radius: Float) {
            let rings: [(Float, Float)] = [(0, 1), (0.5, 0.95), (0.9, 0.8), (1, 0.35)]
            mesh.addTube(
                rings.map { along, size in
                    Mesh.Ring(
                        center: Anatomy.wrist + start + along * (end - start), width: size * radius,
                        depth: size * radius, material: .skin)
                }, segments: 8
            ) { _ in (.leftHand, .leftHand, 0) }
        }
        // Slightly bent towards the thigh, as hands hang.
        for (z, length) in [(-0.032, 0.060), (-0.011, 0.078), (0.010, 0.083), (0.031, 0.074)] as [(Float, Float)] {
            finger(from: Vector(0, -0.090, z), to: Vector(-0.018, -0.098 - length, 0.9 * z), radius: 0.0095)
        }
        finger(from: Vector(0, -0.030, 0.030), to: Vector(-0.022, -0.105, 0.062), radius: 0.012)
        return mesh
    }

    private static var leg: Mesh {
        let sections: [(Float, Float, Float, Float)] = [
            (0.060, 0.060, 0.070, -0.010), (0.030, 0.080, 0.094, -0.010), (-0.020, 0.088, 0.100, -0.008),
            (-0.080, 0.088, 0.096, -0.003), (-0.160, 0.082, 0.088, 0.002), (-0.250, 0.073, 0.078, 0.004),
            (-0.340, 0.064, 0.068, 0.004), (-0.400, 0.060, 0.063, 0.006), (-0.450, 0.059, 0.061, 0.005),
            (-0.510, 0.058, 0.063, -0.006), (-0.570, 0.058, 0.066, -0.012), (-0.650, 0.053, 0.060, -0.012),
            (-0.740, 0.048, 0.053, -0.010), (-0.810, 0.047, 0.051, -0.008), (-0.840, 0.047, 0.052, -0.006),
        ]
        var mesh = Mesh()
        let rings = sections.map { y, width, depth, z in
            Mesh.Ring(
                center: Anatomy.hip + Vector(0, y, z), width: width, depth: depth, material: .trousers)
        }
        mesh.addTube(rings) { place in
            place.y > Anatomy.hip.y - 0.12
                ? (.leftThigh, .pelvis, 0.8 * smoothstep(-0.06, 0.06, place.y - Anatomy.hip.y))
                : (.leftShank, .leftThigh, smoothstep(-0.06, 0.06, place.y - Anatomy.knee.y))
        }
        return mesh
    }

    private static var shoe: Mesh {
        // Distance from the ankle to the front, half the width, height of the upper side above the ground.
        let sections: [(Float, Float, Float)] = [
            (-0.068, 0.018, 0.045), (-0.060, 0.031, 0.075), (-0.035, 0.037, 0.105), (0.010, 0.039, 0.108),
            (0.050, 0.041, 0.085), (0.100, 0.046, 0.062), (0.150, 0.047, 0.050), (0.185, 0.039, 0.040),
            (0.203, 0.022, 0.028),
        ]
        var mesh = Mesh()
        mesh.addTube(
            sections.map { z, width, top in
                Mesh.Ring(
                    center: Vector(Anatomy.ankle.x, top / 2, Anatomy.ankle.z + z), width: width, depth: top / 2,
                    material: .shoe)
            }, axis: .frontal, power: 2.8
        ) { _ in (.leftFoot, .leftFoot, 0) }
        return mesh
    }

    private static var skull: Mesh {
        var mesh = Mesh()
        mesh.addBall(material: .head, bone: .head, segments: 36, rings: 28) { direction in
            var place = direction * Vector(0.076, 0.115, 0.097)
            let down = max(0, -direction.y)
            place.x *= 1 - 0.30 * down * down  // the jaw
            place.z *= direction.z < 0 ? 1 - 0.40 * down : 1 - 0.06 * down  // the nape, the chin
            let hair = smoothstep(0, 0.012, Face.aboveHairline(place))
            return Anatomy.skull + place + 0.011 * hair * direction
        }
        return mesh
    }

    private static var nose: Mesh {
        var mesh = Mesh()
        mesh.addBall(material: .head, bone: .head, segments: 12, rings: 10) { direction in
            // Narrow at the bridge, broad at the wings.
            let width: Float = 0.015 - 0.006 * direction.y
            return Anatomy.skull + Vector(0, -0.018, 0.094)
                + Vector(
                    width * direction.x, 0.026 * direction.y, (0.016 - 0.010 * direction.y) * direction.z)
        }
        return mesh
    }

    private static var ear: Mesh {
        var mesh = Mesh()
        mesh.addBall(material: .skin, bone: .head, segments: 10, rings: 8) { direction in
            Anatomy.skull + Vector(0.078, -0.008, -0.012) + direction * Vector(0.010, 0.031, 0.018)
        }
        return mesh
    }
}
