/// Why a JPEG was refused: a reason that maps to a recorded drop, and a sentence for people.
package struct JPEGError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The raw values are the reasons that outcomes carry.
    package enum Reason: String, Sendable, CaseIterable {
        /// Not a JPEG, truncated, or damaged.
        case corrupt = "corrupt_jpeg"
        /// A valid JPEG of a kind that is not decoded: CMYK, arithmetic coding, lossless, 12 bits.
        case unsupported = "unsupported"
        /// More bytes, pixels or scans than the limits allow.
        case tooLarge = "too_large"
    }

    package let reason: Reason
    /// What was found, and which limit it broke if it broke one.
    package let detail: String

    package init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    package var description: String { "\(reason.rawValue): \(detail)" }
}
