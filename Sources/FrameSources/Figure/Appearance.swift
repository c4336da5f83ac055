internal import Foundation

/// The colours of a person, drawn from a seed. Components 0…1.
struct Appearance: Paint {
    var skin: Vector
    var hair: Vector
    var shirt: Vector
    var trousers: Vector
    var shoes: Vector

    init(using random: inout SeededRandom) {
        let skins = [Vector(0.90, 0.72, 0.60), Vector(0.80, 0.60, 0.47), Vector(0.60, 0.42, 0.31)]
        let hairs = [Vector(0.16, 0.11, 0.08), Vector(0.30, 0.19, 0.10), Vector(0.08, 0.07, 0.07)]
        let shirts = [Vector(0.78, 0.16, 0.15), Vector(0.10, 0.42, 0.62), Vector(0.85, 0.55, 0.10)]
        let trousers = [Vector(0.15, 0.20, 0.34), Vector(0.20, 0.20, 0.21), Vector(0.36, 0.30, 0.22)]
        skin = skins[random.next(below: 3)]
        hair = hairs[random.next(below: 3)]
        shirt = shirts[random.next(below: 3)]
        self.trousers = trousers[random.next(below: 3)]
        shoes = Vector(0.13, 0.13, 0.14)
    }

    /// The colour of a place on the standing body.
    @inline(__always)
    func color(_ material: Material, at place: Vector) -> Vector {
        switch material {
        case .skin: skin
        case .head: Face.color(at: place - Anatomy.skull, self)
        case .shirt: shirt
        case .trousers: trousers
        case .shoe: place.y < 0.022 ? Vector(repeating: 0.85) : shoes
        }
    }
}

/// What is painted on the head, in metres from the middle of the skull.
enum Face {
    /// How far a place lies above the line where the hair begins: a fringe in front, the nape behind.
    static func aboveHairline(_ place: Vector) -> Float {
        let line: Float
        switch place.z {
        case ..<(-0.05): line = -0.065
        case ..<(-0.02): line = -0.065 + (place.z + 0.05) * 1.83
        case ..<0.020: line = -0.010 + (place.z + 0.02) * 1.125
        case ..<0.055: line = 0.035 + (place.z - 0.020)
        default: line = 0.070
        }
        return place.y - line
    }

    static func color(at place: Vector, _ person: Appearance) -> Vector {
        if aboveHairline(place) > 0 { return person.hair }
        guard place.z > 0.035 else { return person.skin }
        let x = abs(place.x)
        let eye = SIMD2<Float>((x - 0.032) / 0.0155, (place.y - 0.005) / 0.0075)
        if (eye * eye).sum() < 1 {
            let iris = SIMD2<Float>(x - 0.032, place.y - 0.005)
            return (iris * iris).sum() < 0.0065 * 0.0065 ? Vector(0.12, 0.08, 0.06) : Vector(0.93, 0.93, 0.92)
        }
        let lid = SIMD2<Float>((x - 0.032) / 0.0185, (place.y - 0.006) / 0.0105)
        if (lid * lid).sum() < 1 { return 0.55 * person.skin }
        let browHeight = 0.0235 - 4 * (x - 0.030) * (x - 0.030)
        if 0.014...0.050 ~= x, abs(place.y - browHeight) < 0.0042 { return 0.8 * person.hair + 0.1 * person.skin }
        let mouth = SIMD2<Float>(x / 0.026, (place.y + 0.068) / 0.0085)
        if (mouth * mouth).sum() < 1 {
            return abs(place.y + 0.068) < 0.0014 ? Vector(0.35, 0.13, 0.12) : person.skin * Vector(0.88, 0.58, 0.58)
        }
        let nostril = SIMD2<Float>((x - 0.007) / 0.0045, (place.y + 0.041) / 0.003)
        if (nostril * nostril).sum() < 1 { return 0.45 * person.skin }
        return person.skin
    }
}

/// A small repeatable generator (SplitMix64; Steele, Lea and Flood 2014): the same seed gives the same pictures.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) {
        state = UInt64(bitPattern: Int64(seed))
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// 0 ..< 1.
    mutating func nextUnit() -> Float { Float(next() >> 40) / Float(1 << 24) }
}
