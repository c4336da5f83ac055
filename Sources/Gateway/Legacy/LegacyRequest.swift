internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// A value that is given back as it came.
enum LegacyScalar: Sendable, Equatable, Decodable {
    case whole(Int64)
    case number(Double)
    case text(String)
    case null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let number = try? container.decode(Int64.self) {
            self = .whole(number)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }
}

/// What the old API is sent.
enum LegacyRequest {
    /// A picture.
    struct Picture: Decodable {
        let picture: Data
        let frameNumber: LegacyScalar

        enum CodingKeys: String, CodingKey {
            case image = "image_base64"
            case frameNumber = "frame_number"
        }

        init(from decoder: any Decoder) throws {
            let container = try LegacyRequest.container(decoder, CodingKeys.self)
            guard container.contains(.image) else { throw APIError(.badRequest, "Missing image_base64") }
            guard var text = try? container.decode(String.self, forKey: .image) else {
                throw APIError(.badRequest, "image_base64 is no text; send the picture's bytes as base64")
            }
            // As a browser's canvas gives it.
            if text.hasPrefix("data:"), let comma = text.firstIndex(of: ",") { text.removeSubrange(...comma) }
            // Without line ends, which few send, it takes a tenth of the time.
            let decoded = Data(base64Encoded: text) ?? Data(base64Encoded: text, options: .ignoreUnknownCharacters)
            guard let bytes = decoded, !bytes.isEmpty else {
                throw APIError(.badRequest, "Failed to decode image: image_base64 is no base64")
            }
            picture = bytes
            do {
                frameNumber = try container.decodeIfPresent(LegacyScalar.self, forKey: .frameNumber) ?? .whole(0)
            } catch {
                throw APIError(.badRequest, "frame_number is neither a number nor a text")
            }
        }
    }

    /// A video.
    struct Video: Decodable {
        let path: String

        enum CodingKeys: String, CodingKey {
            case path = "video_path"
        }

        init(from decoder: any Decoder) throws {
            let container = try LegacyRequest.container(decoder, CodingKeys.self)
            guard container.contains(.path) else { throw APIError(.badRequest, "Missing video_path parameter") }
            guard let path = try? container.decode(String.self, forKey: .path) else {
                throw APIError(.badRequest, "video_path is no text; send the path of a video")
            }
            self.path = path
        }
    }

    /// Reads a request's body.
    static func decode<Value: Decodable>(_ type: Value.Type, _ request: Request, limit: Int) async throws -> Value {
        let mediaType = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased() ?? ""
        // Pages from elsewhere cannot send this type without asking first.
        guard mediaType == "application/json" || mediaType.hasSuffix("+json") else {
            throw APIError(.unsupportedMediaType, "The request is no JSON; send it with Content-Type: application/json")
        }
        var request = request
        let body = try await request.collectBody(upTo: limit)
        do {
            return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(.badRequest, "No JSON data provided: the body is no JSON object that can be read")
        }
    }

    private static func container<Key: CodingKey>(
        _ decoder: any Decoder, _ keys: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        guard let container = try? decoder.container(keyedBy: keys) else {
            throw APIError(.badRequest, "No JSON data provided: a JSON object is expected")
        }
        return container
    }
}
