internal import Foundation

extension [UInt8] {
    /// Appends a number with a fixed count of decimals, at most 9; zero where it is no number or has more than nine digits.
    mutating func append(fixed value: Double, decimals: Int) {
        let scale = pow(10, Double(decimals))
        let scaled = (value * scale).rounded()
        guard scaled.magnitude < 1e18 else { return append(fixed: 0, decimals: decimals) }
        var number = UInt64(scaled.magnitude)
        var digits: [UInt8] = []
        repeat {
            digits.append(UInt8(ascii: "0") + UInt8(number % 10))
            number /= 10
            if digits.count == decimals { digits.append(UInt8(ascii: ".")) }
        } while number > 0 || digits.count < decimals + 2
        if scaled < 0 { append(UInt8(ascii: "-")) }
        append(contentsOf: digits.reversed())
    }
}
