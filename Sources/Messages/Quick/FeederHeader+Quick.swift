extension FeederHeader {
    /// A header's JSON, as a feeder sends it.
    public func jsonBytes() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            func number(_ key: StaticString, _ value: (some BinaryInteger)?) {
                guard let value else { return }
                writer.key(key)
                writer.value(value)
            }
            func text(_ key: StaticString, _ value: String?) {
                guard let value else { return }
                writer.key(key)
                writer.text(value)
            }
            func flag(_ key: StaticString, _ value: Bool) {
                guard value else { return }
                writer.key(key)
                writer.value(true)
            }
            text("stream", stream.description)
            number("capture_time_ns", captureTime?.nanoseconds)
            number("frame", cameraFrame?.value)
            text("delivery", delivery?.rawValue)
            text("feeder", feeder)
            number("oldest", oldestFrame?.value)
            flag("end", isEnd)
            flag("still", isStill)
            text("traceparent", trace?.traceparent)
            guard let rawSize else { return }
            writer.key("shape")
            writer.array { writer in [rawSize.height, rawSize.width, 3].forEach { writer.value($0) } }
            text("dtype", "uint8")
        }
        return writer.bytes
    }

    /// Reads the plain headers that nearly all frames have (one flat object, known keys, no escapes) many times
    /// faster than a general JSON reader.
    ///
    /// - Returns: nil for everything else, right or wrong: that is for the general reader to decide and to explain.
    package static func quick(json bytes: UnsafeRawBufferPointer) -> FeederHeader? {
        guard bytes.count <= 512 else { return nil }
        var scanner = Scanner(bytes: bytes)
        guard scanner.take("{") else { return nil }
        var stream: StreamName?
        var header: FeederHeader?
        var captureTime: Timestamp?
        var cameraFrame: CameraFrame?
        var delivery: Delivery?
        var feeder: String?
        var oldest: CameraFrame?
        var isEnd: Bool?
        var isStill: Bool?
        var traceparent: String?
        repeat {
            guard let key = scanner.string(), scanner.take(":") else { return nil }
            // A key given twice goes to the general reader, which knows which one counts.
            switch key {
            case "stream", "msg":
                guard stream == nil, let text = scanner.string() else { return nil }
                guard let name = try? StreamName(text) else { return nil }
                stream = name
            case "capture_time_ns":
                guard captureTime == nil, let number = scanner.number(), number <= UInt64(Int64.max) else { return nil }
                captureTime = Timestamp(nanoseconds: Int64(number))
            case "frame":
                guard cameraFrame == nil, let number = scanner.number() else { return nil }
                cameraFrame = CameraFrame(number)
            case "delivery":
                guard delivery == nil, let word = scanner.string() else { return nil }
                guard let known = Delivery(rawValue: word) else { return nil }
                delivery = known
            case "feeder":
                guard feeder == nil, let name = scanner.string(), isFeederName(name) else { return nil }
                feeder = name
            case "oldest":
                guard oldest == nil, let number = scanner.number() else { return nil }
                oldest = CameraFrame(number)
            case "end":
                guard isEnd == nil, let value = scanner.boolean() else { return nil }
                isEnd = value
            case "still":
                guard isStill == nil, let value = scanner.boolean() else { return nil }
                isStill = value
            case "traceparent":
                guard traceparent == nil, let text = scanner.string() else { return nil }
                traceparent = text
            default: return nil
            }
        } while scanner.take(",")
        guard scanner.take("}"), scanner.isAtEnd, let stream else { return nil }
        guard feeder == nil || cameraFrame != nil || isEnd == true else { return nil }
        header = FeederHeader(
            stream: stream, captureTime: captureTime, cameraFrame: cameraFrame, delivery: delivery,
            feeder: feeder, oldestFrame: oldest, isEnd: isEnd ?? false,
            isStill: isStill ?? false)
        if let traceparent { header?.readTraceparent(traceparent) }
        return header
    }
}

/// Reads the simplest JSON tokens; anything else is nil.
private struct Scanner {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Whether nothing but white space is left.
    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return offset == bytes.count
        }
    }

    private mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[offset]) { offset += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    /// Printable ASCII without escapes.
    mutating func string() -> String? {
        guard take("\"") else { return nil }
        let start = offset
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
            guard (0x20...0x7e).contains(bytes[offset]), bytes[offset] != UInt8(ascii: "\\") else { return nil }
            offset += 1
        }
        guard offset < bytes.count else { return nil }
        defer { offset += 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// A whole number of up to 19 digits without leading zeros.
    mutating func number() -> UInt64? {
        skipSpace()
        let start = offset
        var value: UInt64 = 0
        while offset < bytes.count, (0x30...0x39).contains(bytes[offset]), offset - start < 19 {
            value = value * 10 + UInt64(bytes[offset] - 0x30)
            offset += 1
        }
        let digits = offset - start
        guard digits > 0, digits == 1 || bytes[start] != 0x30 else { return nil }
        // A fraction or an exponent would follow; the end of the object must, so it is noticed there.
        return value
    }

    mutating func boolean() -> Bool? {
        skipSpace()
        for (word, value) in [("true", true), ("false", false)] as [(StaticString, Bool)] {
            let end = offset + word.utf8CodeUnitCount
            if end <= bytes.count,
                bytes[offset..<end].elementsEqual(
                    UnsafeBufferPointer(
                        start: word.utf8Start, count: word.utf8CodeUnitCount))
            {
                offset = end
                return value
            }
        }
        return nil
    }
}
