/// A number with a few decimals: what is before the point and what is behind it.
struct FixedDecimal {
    let isNegative: Bool
    let whole: UInt64
    /// In units of the last decimal.
    let fraction: UInt64
    let decimals: Int

    /// The nearest one; of two the one that is farther from 0.
    ///
    /// - Parameter decimals: up to 6.
    /// - Returns: nil for what is no number, and beyond the 15 digits up to which every decimal is a double of its own.
    init?(_ value: Double, decimals: Int) {
        let scale = powerOfTen(decimals)
        let scaled = value.magnitude * Double(scale)
        guard scaled < 1e15 else { return nil }
        // Exact: both are whole, or their difference is a double. It saves a call for each number.
        var units = UInt64(scaled)
        if scaled - Double(units) >= 0.5 { units += 1 }
        guard units < 1_000_000_000_000_000 else { return nil }
        isNegative = value.sign == .minus
        // The compiler knows how to divide by a number that it knows.
        (whole, fraction) =
            switch decimals {
            case 2: units.quotientAndRemainder(dividingBy: 100)
            case 3: units.quotientAndRemainder(dividingBy: 1000)
            case 4: units.quotientAndRemainder(dividingBy: 10_000)
            case 6: units.quotientAndRemainder(dividingBy: 1_000_000)
            default: units.quotientAndRemainder(dividingBy: scale)
            }
        self.decimals = decimals
    }
}

/// A piece of text that is written from its end, because a number's digits come out from the last to the first.
struct BackwardText {
    /// The bytes of the longest number, its sign and its comma.
    static let numberCapacity = 24

    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private var start: Int

    /// - Parameter buffer: where it is written; it has to be large enough.
    init(in buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
        start = buffer.count
    }

    var written: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: buffer[start...]) }

    mutating func put(_ character: Unicode.Scalar) {
        start -= 1
        buffer[start] = UInt8(ascii: character)
    }

    /// - Parameter count: of digits at least, with zeros in front.
    mutating func put(digitsOf number: UInt64, count: Int = 1) {
        var rest = number
        let least = start - count
        while rest >= 100 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            put(pair: UInt8(truncatingIfNeeded: pair))
            rest = quotient
        }
        if rest >= 10 {
            put(pair: UInt8(truncatingIfNeeded: rest))
        } else if rest > 0 {
            start -= 1
            buffer[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
        }
        while start > least { put("0") }
    }

    mutating func put(_ number: FixedDecimal) {
        if number.fraction > 0 {
            var (fraction, decimals) = (number.fraction, number.decimals)
            while fraction % 10 == 0 {
                fraction /= 10
                decimals -= 1
            }
            put(digitsOf: fraction, count: decimals)
            put(".")
        }
        put(digitsOf: number.whole)
        if number.isNegative { put("-") }
    }

    private mutating func put(pair: UInt8) {
        start -= 2
        buffer[start] = UInt8(ascii: "0") + pair / 10
        buffer[start + 1] = UInt8(ascii: "0") + pair % 10
    }
}

private func powerOfTen(_ exponent: Int) -> UInt64 {
    switch exponent {
    case 0: 1
    case 1: 10
    case 2: 100
    case 3: 1000
    case 4: 10_000
    case 5: 100_000
    default: 1_000_000
    }
}
