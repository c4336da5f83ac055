public import Foundation

/// What a feeder says about one image: the JSON of the first part, in the format that imagezmq senders already speak.
///
/// | key | meaning |
/// |---|---|
/// | `stream`, or imagezmq's `msg` | the name of the stream |
/// | `capture_time_ns` | when the image was taken, Unix time |
/// | `frame` | the feeder's own counter |
/// | `delivery` | `live` or `lossless` |
/// | `feeder` | a name of the feeder's own, new at each of its starts, for feeders that repeat what is not answered |
/// | `oldest` | with `feeder`: its oldest unanswered frame; absent where that is this one |
/// | `still` | true: the picture stands for itself, so that nobody is followed into it or out of it |
/// | `end` | true: the stream ends here; no image is needed |
/// | `traceparent` | W3C Trace Context: the trace and the span that the frame belongs to. Text that is none is passed over |
/// | `shape`, `dtype` | imagezmq's raw images: `[height, width, 3]` and `uint8`; the second part is BGR pixels |
///
/// The frames of a `feeder` count up by one. One that is known already is answered again instead of being taken twice,
/// and one whose predecessor is missing is refused (`out_of_order`): the feeder sends both again.
public struct FeederHeader: Sendable, Equatable {
    /// The largest header in bytes.
    public static let maxLength = 16 << 10

    /// The stream.
    public var stream: StreamName
    /// When the image was taken, if the feeder knows.
    public var captureTime: Timestamp?
    /// The feeder's own counter.
    public var cameraFrame: CameraFrame?
    /// How the stream treats a full window, if the feeder says so.
    public var delivery: Delivery?
    /// The feeder's name, where it repeats what is not answered.
    public var feeder: String?
    /// The feeder's oldest unanswered frame.
    public var oldestFrame: CameraFrame?
    /// The stream ends here.
    public var isEnd: Bool
    /// The picture stands for itself: nobody is followed into it or out of it.
    public var isStill: Bool
    /// Height and width of raw BGR pixels; nil where the image is a JPEG.
    public var rawSize: RawSize?
    /// Where the frame belongs in the feeder's trace, if the feeder says so.
    public var trace: TraceContext?
    /// The feeder sent a `traceparent` that is none: the frame is taken all the same, with a trace of its own.
    public private(set) var hasBadTraceparent = false

    /// The size of a raw image.
    public struct RawSize: Sendable, Equatable {
        /// Rows.
        public var height: Int
        /// Pixels a row, three bytes each.
        public var width: Int

        /// A size.
        public init(height: Int, width: Int) {
            self.height = height
            self.width = width
        }
    }

    /// A header.
    public init(
        stream: StreamName, captureTime: Timestamp? = nil, cameraFrame: CameraFrame? = nil, delivery: Delivery? = nil,
        feeder: String? = nil, oldestFrame: CameraFrame? = nil, isEnd: Bool = false, isStill: Bool = false,
        rawSize: RawSize? = nil, trace: TraceContext? = nil
    ) {
        self.stream = stream
        self.captureTime = captureTime
        self.cameraFrame = cameraFrame
        self.delivery = delivery
        self.feeder = feeder
        self.oldestFrame = oldestFrame
        self.isEnd = isEnd
        self.isStill = isStill
        self.rawSize = rawSize
        self.trace = trace
    }

    /// Takes over what a `traceparent` says. It often comes from somewhere else than the frame; losing the frame for it
    /// would be the greater harm.
    package mutating func readTraceparent(_ text: String) {
        trace = TraceContext(traceparent: text)
        hasBadTraceparent = trace == nil
    }
}

/// Why a message of a feeder was refused before it became a frame: it has no sequence, so it is answered and counted.
public struct FeederRefusal: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
    /// The word by which refusals are counted.
    public enum Reason: String, Sendable, CaseIterable {
        /// Not two parts, or more than allowed.
        case badParts = "bad_parts"
        /// The first part is no JSON object of the known keys.
        case badHeader = "bad_header"
        /// The stream name is absent or not allowed.
        case badStream = "bad_stream"
        /// More streams than this ingest accepts.
        case tooManyStreams = "too_many_streams"
        /// A frame before this one has not arrived: a feeder with a name sends both again.
        case outOfOrder = "out_of_order"
        /// Ingest is stopping.
        case stopping
        /// The feeder's key may not feed this stream.
        case notAllowed = "not_allowed"
    }

    /// The word.
    public let reason: Reason
    /// One sentence for a person.
    public let detail: String

    /// A refusal.
    public init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    public var description: String { "\(reason.rawValue): \(detail)" }
    public var errorDescription: String? { description }
}

extension FeederHeader: Decodable {
    enum CodingKeys: String, CodingKey {
        case stream, msg, frame, delivery, feeder, oldest, end, still, shape, dtype, traceparent
        case captureTime = "capture_time_ns"
    }

    /// Reads the first part of a feeder's message.
    ///
    /// - Throws: `FeederRefusal` with `badHeader` or `badStream`.
    public init(json bytes: [UInt8]) throws(FeederRefusal) {
        guard bytes.count <= Self.maxLength else {
            throw FeederRefusal(
                .badHeader, "the header has \(bytes.count) bytes; at most \(Self.maxLength) are allowed")
        }
        do {
            self = try JSONDecoder().decode(FeederHeader.self, from: Data(bytes))
        } catch let refusal as FeederRefusal {
            throw refusal
        } catch DecodingError.dataCorrupted {
            throw FeederRefusal(.badHeader, "the first part is no JSON; send [JSON header][image]")
        } catch DecodingError.typeMismatch(_, let context) where context.codingPath.isEmpty {
            throw FeederRefusal(.badHeader, "the first part is no JSON object; send [JSON header][image]")
        } catch DecodingError.typeMismatch(_, let context) {
            throw FeederRefusal(
                .badHeader,
                "key \(context.codingPath.map(\.stringValue).joined(separator: ".")) has a value of the wrong type")
        } catch {
            throw FeederRefusal(.badHeader, "the header could not be read")
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let name = try Self.name(container)
        do {
            stream = try StreamName(name)
        } catch {
            throw FeederRefusal(.badStream, error.description)
        }
        captureTime = try container.decodeIfPresent(Int64.self, forKey: .captureTime).map(Timestamp.init)
        cameraFrame = try container.decodeIfPresent(UInt64.self, forKey: .frame).map { CameraFrame($0) }
        delivery = try container.decodeIfPresent(String.self, forKey: .delivery).map { word in
            guard let delivery = Delivery(rawValue: word) else {
                throw FeederRefusal(.badHeader, "delivery is neither \"live\" nor \"lossless\"")
            }
            return delivery
        }
        feeder = try container.decodeIfPresent(String.self, forKey: .feeder)
        oldestFrame = try container.decodeIfPresent(UInt64.self, forKey: .oldest).map { CameraFrame($0) }
        isEnd = try container.decodeIfPresent(Bool.self, forKey: .end) ?? false
        isStill = try container.decodeIfPresent(Bool.self, forKey: .still) ?? false
        if let feeder, !Self.isFeederName(feeder) {
            throw FeederRefusal(.badHeader, "feeder is empty or longer than \(Self.maxFeederLength) bytes")
        }
        if feeder != nil, cameraFrame == nil, !isEnd {
            throw FeederRefusal(.badHeader, "a feeder with a name numbers its frames: set \"frame\"")
        }
        rawSize = try Self.rawSize(container)
        if let text = try container.decodeIfPresent(String.self, forKey: .traceparent) { readTraceparent(text) }
    }

    /// The longest feeder's name in bytes.
    public static let maxFeederLength = 64

    /// Whether a text may name a feeder.
    package static func isFeederName(_ text: String) -> Bool {
        (1...maxFeederLength).contains(text.utf8.count)
    }

    private static func name(_ container: KeyedDecodingContainer<CodingKeys>) throws -> String {
        for key in [CodingKeys.stream, .msg] where container.contains(key) {
            guard let name = try? container.decode(String.self, forKey: key) else {
                throw FeederRefusal(.badStream, "key \(key.stringValue) is no text")
            }
            return name
        }
        throw FeederRefusal(.badStream, "the header names no stream: set \"stream\" (or imagezmq's \"msg\")")
    }

    private static func rawSize(_ container: KeyedDecodingContainer<CodingKeys>) throws -> RawSize? {
        guard let shape = try container.decodeIfPresent([Int].self, forKey: .shape) else { return nil }
        let type = try container.decodeIfPresent(String.self, forKey: .dtype) ?? "uint8"
        guard type == "uint8", shape.count == 3, shape[2] == 3, shape[0] > 0, shape[1] > 0 else {
            throw FeederRefusal(
                .badHeader, "a raw image must be uint8 of shape [height, width, 3] in BGR order, or be sent as JPEG")
        }
        return RawSize(height: shape[0], width: shape[1])
    }
}

/// What ingest answers to a REQ or DEALER feeder.
public enum FeederAnswer: Sendable, Equatable {
    /// The frame was accepted. DEALER feeders get their own counter back.
    case accepted(CameraFrame?)
    /// The frame was refused or recorded as a drop, with the reason's word and a sentence. Feeders with a name get
    /// their own counter back.
    case refused(String, frame: CameraFrame? = nil)

    /// The text on the wire: `OK`, `OK <frame>`, `ERR <reason>` or `ERR <frame> <reason>`.
    public var text: String {
        switch self {
        case .accepted(nil): "OK"
        case .accepted(let frame?): "OK \(frame)"
        case .refused(let reason, nil): "ERR \(reason)"
        case .refused(let reason, let frame?): "ERR \(frame) \(reason)"
        }
    }

    /// Reads an answer, or nil where the text is none.
    public init?(_ text: String) {
        if text == "OK" {
            self = .accepted(nil)
        } else if text.hasPrefix("OK "), let frame = UInt64(text.dropFirst(3)) {
            self = .accepted(CameraFrame(frame))
        } else if text.hasPrefix("ERR ") {
            // A reason begins with its word, never with a digit.
            let reason = text.dropFirst(4)
            let digits = reason.prefix { $0.isASCII && $0.isNumber }
            if let frame = UInt64(digits), reason.dropFirst(digits.count).first == " " {
                self = .refused(String(reason.dropFirst(digits.count + 1)), frame: CameraFrame(frame))
            } else {
                self = .refused(String(reason))
            }
        } else {
            return nil
        }
    }
}
