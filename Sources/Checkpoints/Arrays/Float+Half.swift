extension Float {
    /// The value of an IEEE 754 half-precision number, given by its bits.
    ///
    /// `Float(Float16(bitPattern:))` is the same and calls a function of the runtime for each number, which is a quarter of
    /// what loading a network takes; this is a handful of instructions that the compiler does for several at a time.
    package init(halfBitPattern bits: UInt16) {
        let magnitude = UInt32(bits & 0x7fff) << 13
        // With the same bits as exponent the value is 2^112 too small, be it subnormal or not.
        let finite = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
        let value = bits & 0x7c00 == 0x7c00 ? magnitude | 0x7f80_0000 : finite
        self.init(bitPattern: value | UInt32(bits & 0x8000) << 16)
    }
}
