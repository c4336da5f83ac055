package import JPEG
package import Messages
package import ZeroMQ

/// Checks what feeders send: parts, header and image, in this order and before anything is allocated for them.
package struct Admission: Sendable {
    /// What an image may cost.
    package let limits: JPEGLimits
    /// Whether JPEGs are decoded here.
    package let decodes: Bool

    package init(limits: JPEGLimits, decodes: Bool) {
        self.limits = limits
        self.decodes = decodes
    }

    /// Reads `[header][image]`, or `[header]` where that ends the stream.
    ///
    /// - Throws: `FeederRefusal` where there is no valid header: such a message is no frame of any stream.
    package func read(_ parts: ArraySlice<Message>) throws(FeederRefusal) -> (header: FeederHeader, image: Message?) {
        guard let first = parts.first, parts.count <= 2 else {
            throw FeederRefusal(.badParts, "\(parts.count) parts; send [JSON header][image]")
        }
        guard first.count <= FeederHeader.maxLength else {
            throw FeederRefusal(
                .badHeader, "the header has \(first.count) bytes; at most \(FeederHeader.maxLength) are allowed")
        }
        let quick = first.withUnsafeBytes { FeederHeader.quick(json: $0) }
        let header = if let quick { quick } else { try FeederHeader(json: first.bytes) }
        guard parts.count == 2, let image = parts.last else {
            guard header.isEnd else {
                throw FeederRefusal(.badParts, "a header without an image; send [JSON header][image]")
            }
            return (header, nil)
        }
        return (header, header.isEnd && image.count == 0 ? nil : image)
    }

    /// Whether `verdict(on:image:)` decodes, so that it belongs on a worker thread.
    package func isWork(_ header: FeederHeader, image: Message?) -> Bool {
        image != nil && (decodes || header.rawSize != nil)
    }

    /// Checks an image and, where it has to be, decodes it.
    ///
    /// - Parameter encodesPreview: makes a JPEG of raw pixels too, because somebody watches.
    package func verdict(on header: FeederHeader, image: Message?, encodesPreview: Bool = false) -> Verdict {
        guard let image else { return .end }
        do throws(JPEGError) {
            if let size = header.rawSize {
                return try raw(image, width: size.width, height: size.height, encodesPreview: encodesPreview)
            }
            guard decodes else {
                let jpeg = try image.withUnsafeBytes { bytes throws(JPEGError) in
                    try JPEGHeader.check(bytes, limits: limits)
                }
                return .frame(
                    FramePayload(kind: .jpeg, message: image), width: jpeg.width, height: jpeg.height, preview: image)
            }
            let pixels = try image.withUnsafeBytes { bytes throws(JPEGError) in
                try DecodedImage(jpeg: bytes, limits: limits)
            }
            return frame(pixels, preview: image)
        } catch {
            return .drop(Drop(stage: .ingest, reason: DropReason(error.reason), detail: error.detail))
        }
    }

    private func raw(
        _ image: Message, width: Int, height: Int, encodesPreview: Bool
    ) throws(JPEGError) -> Verdict {
        guard image.count <= limits.bytes else {
            throw JPEGError(.tooLarge, "\(image.count) bytes, the limit is \(limits.bytes)")
        }
        let pixels = try image.withUnsafeBytes { bytes throws(JPEGError) in
            try DecodedImage(bgr: bytes, width: width, height: height, limits: limits)
        }
        var preview: Message?
        if encodesPreview {
            let encoder = JPEGEncoder(quality: 80, limits: limits)
            let jpeg = try image.withUnsafeBytes { bytes throws(JPEGError) in
                try encoder.encode(bytes, width: width, height: height, channels: .bgr)
            }
            preview = Message(jpeg)
        }
        return frame(pixels, preview: preview)
    }

    private func frame(_ image: DecodedImage, preview: Message?) -> Verdict {
        let message = image.withUnsafeBytes { Message(copying: $0) }
        return .frame(
            FramePayload(kind: .rgb8, message: message), width: image.width, height: image.height, preview: preview)
    }
}

extension DropReason {
    init(_ reason: JPEGError.Reason) {
        switch reason {
        case .corrupt: self = .corruptJPEG
        case .unsupported: self = .unsupported
        case .tooLarge: self = .tooLarge
        }
    }
}
