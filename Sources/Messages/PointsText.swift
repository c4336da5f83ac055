/// Points as JSON, some dozens at a time, straight into memory: of a mesh there are thousands, and appending each number costs more
/// than its digits.
enum PointsText {
    /// How many are written before they are handed over.
    private static let batch = 64
    /// Bytes of the longest point, with its brackets and commas.
    private static let longest = 3 * BackwardText.numberCapacity + 3

    /// Writes points from one on, each with a comma before it but the very first, and hands pieces of the text to `append`.
    ///
    /// - Parameter decimals: up to 6.
    /// - Returns: the first one that was not written: the end, or a point with a number that is none or too large for `Number`.
    static func write(
        _ points: [SIMD3<Float>], from first: Int, decimals: Int, _ append: (UnsafeBufferPointer<UInt8>) -> Void
    ) -> Int {
        let format = Format(decimals: decimals)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: batch * longest) { buffer in
            guard let base = buffer.baseAddress else { return first }
            var next = first
            while next < points.count {
                var end = base
                let last = min(next + batch, points.count)
                var isWritten = true
                while next < last {
                    let point = points[next]
                    guard let x = format.number(point.x), let y = format.number(point.y), let z = format.number(point.z)
                    else {
                        isWritten = false
                        break
                    }
                    if next > 0 { end.put(",") }
                    end.put("[")
                    format.put(x, at: &end)
                    end.put(",")
                    format.put(y, at: &end)
                    end.put(",")
                    format.put(z, at: &end)
                    end.put("]")
                    next += 1
                }
                append(UnsafeBufferPointer(start: base, count: end - base))
                guard isWritten else { return next }
            }
            return next
        }
    }

    /// A number as units of its last decimal.
    struct Number {
        let isNegative: Bool
        let units: UInt32
    }

    /// Numbers with at most so many decimals, as `FixedDecimal` has them, for those that fit in 32 bits.
    struct Format {
        private let decimals: Int
        private let scale: UInt32
        private let factor: Double

        init(decimals: Int) {
            precondition((0...6).contains(decimals), "\(decimals) decimals")
            self.decimals = decimals
            scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
            factor = Double(scale)
        }

        /// The nearest one; of two the one that is farther from 0. Nil for what is no number or too large.
        @inline(__always) func number(_ value: Float) -> Number? {
            let scaled = Double(value).magnitude * factor
            guard scaled < Double(UInt32.max - 1) else { return nil }
            var units = UInt32(scaled)
            if scaled - Double(units) >= 0.5 { units += 1 }
            return Number(isNegative: value.sign == .minus, units: units)
        }

        @inline(__always) func put(_ number: Number, at end: inout UnsafeMutablePointer<UInt8>) {
            if number.isNegative { end.put("-") }
            // The compiler knows how to divide by a number that it knows.
            let (whole, fraction) =
                decimals == 6
                ? number.units.quotientAndRemainder(dividingBy: 1_000_000)
                : number.units.quotientAndRemainder(dividingBy: scale)
            put(whole: whole, at: &end)
            guard fraction > 0 else { return }
            end.put(".")
            let first = end
            end += decimals
            var (rest, place) = (fraction, end)
            while place - first >= 2 {
                let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
                place -= 2
                place[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: pair / 10)
                place[1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: pair % 10)
                rest = quotient
            }
            if place > first { first[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest) }
            while end[-1] == UInt8(ascii: "0") { end -= 1 }
        }

        @inline(__always) private func put(whole: UInt32, at end: inout UnsafeMutablePointer<UInt8>) {
            if whole < 10 {
                end[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: whole)
                end += 1
                return
            }
            var (rest, count) = (whole, 0)
            while rest > 0 {
                rest /= 10
                count += 1
            }
            rest = whole
            for place in stride(from: count - 1, through: 0, by: -1) {
                end[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            end += count
        }
    }
}

extension UnsafeMutablePointer<UInt8> {
    @inline(__always) fileprivate mutating func put(_ character: Unicode.Scalar) {
        pointee = UInt8(ascii: character)
        self += 1
    }
}
