import Checkpoints
import Testing

@Test("Every half-precision number has the value that the runtime gives it")
func halves() {
    for bits in UInt16.min...UInt16.max {
        let found = Float(halfBitPattern: bits), expected = Float(Float16(bitPattern: bits))
        if found.isNaN, expected.isNaN { continue }
        #expect(found.bitPattern == expected.bitPattern, "of \(bits)")
    }
}
