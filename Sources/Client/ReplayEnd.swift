internal import Foundation

/// The last message of an answer to a replay request.
struct ReplayEnd: Decodable {
    let end: Bool
    let session: String?
    let count, next: UInt64
    let ended: Bool?
    let poses, drops: UInt64?
    let nextSession: String?
    let error: String?

    enum CodingKeys: String, CodingKey {
        case end, session, count, next, ended, poses, drops, error
        case nextSession = "next_session"
    }

    /// Nil where the bytes are something else of an answer: nothing else has `end`, and no outcome in protobuf begins with
    /// `{`.
    init?(_ bytes: [UInt8]) {
        guard bytes.first == UInt8(ascii: "{"), let end = try? JSONDecoder().decode(Self.self, from: Data(bytes)),
            end.end
        else { return nil }
        self = end
    }
}
