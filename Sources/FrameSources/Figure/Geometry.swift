internal import Foundation

/// A point or direction. Body space: x to the person's left, y up, z to the front, metres.
/// Camera space: x right, y down, z forward, metres.
typealias Vector = SIMD3<Float>

func dot(_ a: Vector, _ b: Vector) -> Float { (a * b).sum() }

func cross(_ a: Vector, _ b: Vector) -> Vector {
    Vector(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

func normalized(_ v: Vector) -> Vector {
    let length = dot(v, v).squareRoot()
    return length > 0 ? v / length : v
}

/// 0 below `low`, 1 above `high`, smooth in between.
func smoothstep(_ low: Float, _ high: Float, _ x: Float) -> Float {
    let t = min(max((x - low) / (high - low), 0), 1)
    return t * t * (3 - 2 * t)
}

/// A rotation as a matrix of columns.
struct Rotation {
    var x = Vector(1, 0, 0)
    var y = Vector(0, 1, 0)
    var z = Vector(0, 0, 1)

    static func * (r: Rotation, v: Vector) -> Vector { r.x * v.x + r.y * v.y + r.z * v.z }
    static func * (a: Rotation, b: Rotation) -> Rotation { Rotation(x: a * b.x, y: a * b.y, z: a * b.z) }
}

extension Rotation {
    /// Turns about the left axis; positive moves what hangs down to the front, as a hip or an elbow flexes.
    static func flexion(_ angle: Float) -> Rotation {
        let (c, s) = (cos(angle), sin(angle))
        return Rotation(y: Vector(0, c, -s), z: Vector(0, s, c))
    }

    /// Turns about the vertical axis; positive turns the front to the person's left.
    static func yaw(_ angle: Float) -> Rotation {
        let (c, s) = (cos(angle), sin(angle))
        return Rotation(x: Vector(c, 0, -s), z: Vector(s, 0, c))
    }

    /// Turns about the front axis; positive moves what hangs down to the person's left.
    static func sideways(_ angle: Float) -> Rotation {
        let (c, s) = (cos(angle), sin(angle))
        return Rotation(x: Vector(c, s, 0), y: Vector(-s, c, 0))
    }
}
