import Foundation
import Refinement
import Testing

@Suite("Rotations")
struct RotationTests {
    @Test("A rotation vector survives its rotation, up to half a turn")
    func expLog() {
        var noise = Noise(1)
        for length in [0, 1e-12, 1e-6, 1e-3, 0.5, 2, 3, 3.14] {
            for _ in 0..<20 {
                var axis = SIMD3(noise.normal(), noise.normal(), noise.normal())
                axis /= (axis * axis).sum().squareRoot()
                let step = Rotation(exp: axis * length).log - axis * length
                #expect((step * step).sum().squareRoot() < 1e-9)
            }
        }
    }

    @Test("Matrices are read and written, whichever of their numbers are small")
    func matrices() {
        let quarter = Rotation(exp: SIMD3(0, 0, .pi / 2))
        // x becomes y.
        let expected: [Float] = [0, -1, 0, 1, 0, 0, 0, 0, 1]
        #expect(zip(quarter.rowMajor, expected).allSatisfy { abs($0 - $1) < 1e-6 })
        var noise = Noise(2)
        for axis in [SIMD3(1.0, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1), SIMD3(0.6, 0.8, 0)] {
            for angle in [0.0, 1, 3, .pi] {
                let wobble = SIMD3(noise.normal(), noise.normal(), noise.normal()) * 1e-3
                let rotation = Rotation(exp: axis * angle + wobble)
                #expect(Rotation(rowMajor: rotation.rowMajor).angle(to: rotation) < 1e-5)
            }
        }
        #expect(Rotation(rowMajor: [Float](repeating: 0, count: 9)).angle(to: .identity) < 1e-9)
    }

    @Test("Products are those of matrices: first the right one")
    func products() {
        let turn = Rotation(exp: SIMD3(0, 0, .pi / 2))
        let tilt = Rotation(exp: SIMD3(.pi / 2, 0, 0))
        func product(_ a: [Float], _ b: [Float]) -> [Float] {
            (0..<9).map { place in (0..<3).reduce(0) { $0 + a[place / 3 * 3 + $1] * b[$1 * 3 + place % 3] } }
        }
        let expected = product(turn.rowMajor, tilt.rowMajor)
        #expect(zip((turn * tilt).rowMajor, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test("Between two rotations the way is the shortest, at constant speed")
    func slerp() {
        let a = Rotation(exp: SIMD3(0, 0, 3))
        let b = Rotation(exp: SIMD3(0, 0, -3))
        // 0.28 radians across half a turn, not 6 the other way round.
        #expect(abs(a.angle(to: b) - (2 * .pi - 6)) < 1e-9)
        for share in [0, 0.25, 0.5, 1] {
            #expect(abs(a.angle(to: a.interpolated(to: b, share: share)) - share * a.angle(to: b)) < 1e-9)
        }
    }
}
