internal import Foundation
package import Messages
package import Store

/// A request for what is stored, as JSON:
/// `{"stream":"cam1","session":null,"from":0,"to":null,"format":"json"}`.
///
/// | key | meaning |
/// |---|---|
/// | `stream` | the stream; may be absent where `session` is given |
/// | `session` | a UUID; absent or null: the stream's latest session |
/// | `from` | the first sequence wanted; absent: 0 |
/// | `to` | the last sequence wanted, itself included; absent or null: the last one stored |
/// | `format` | `json` (default) or `pb`: outcomes; `jpeg`: the kept pictures; `timeline`: `Timeline`s, without poses |
/// | `revision` | `original` (default), `latest` or a number: poses as `posebus refine` made them |
///
/// `{"sessions":true,"stream":null,"limit":1000}` asks for the newest sessions instead, of one stream or of all: one
/// `SessionSummary` a session, in the order in which they began.
package struct ReplayRequest: Equatable {
    package enum Format: String, Decodable {
        case json, pb, jpeg, timeline
    }

    package var stream: StreamName?
    package var session: SessionID?
    package var from = SequenceNumber.first
    package var to: SequenceNumber?
    package var format = Format.json
    package var revision = RevisionChoice.original
    /// Set where sessions are asked for: the most of them.
    package var sessionLimit: Int?

    /// Why a request cannot be answered, for whoever sent it.
    package struct Invalid: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// The largest request in bytes.
    static let maxLength = 4096

    /// The most sessions that one answer tells of.
    static let maxSessions = 10_000

    private struct Wire: Decodable {
        let stream, session: String?
        let from, to: UInt64?
        let format: String?
        let revision: Word?
        let sessions: Bool?
        let limit: UInt64?

        /// A word, or a number that stands for one.
        struct Word: Decodable {
            let text: String

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                text = try (try? container.decode(String.self)) ?? "\(container.decode(Int.self))"
            }
        }
    }

    /// Reads a request.
    package init(json bytes: [UInt8]) throws(Invalid) {
        guard bytes.count <= Self.maxLength else {
            throw Invalid(description: "the request has \(bytes.count) bytes; at most \(Self.maxLength) are allowed")
        }
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(bytes)) else {
            throw Invalid(
                description: """
                    not a replay request; send {"stream":"NAME","session":null,"from":0,"to":null,"format":"json"}
                    """)
        }
        if let name = wire.stream {
            do { stream = try StreamName(name) } catch { throw Invalid(description: error.description) }
        }
        if let text = wire.session {
            guard let id = SessionID(text) else { throw Invalid(description: "\"session\" is no UUID") }
            session = id
        }
        if wire.sessions == true {
            sessionLimit = Int(clamping: min(wire.limit ?? 1000, UInt64(Self.maxSessions)))
            return
        }
        if let word = wire.revision?.text {
            guard let revision = RevisionChoice(word) else {
                throw Invalid(description: "\"revision\" is none of original, latest and a number from 1")
            }
            self.revision = revision
        }
        guard stream != nil || session != nil else {
            throw Invalid(description: "the request names neither \"stream\" nor \"session\"")
        }
        from = SequenceNumber(wire.from ?? 0)
        to = wire.to.map { SequenceNumber($0) }
        if let word = wire.format {
            guard let format = Format(rawValue: word) else {
                throw Invalid(description: "\"format\" is none of \"json\", \"pb\", \"jpeg\" and \"timeline\"")
            }
            self.format = format
        }
    }
}

/// The last message of an answer, as JSON: `{"v":1,"end":true,"stream":…,"session":…,"count":N,"next":S,"more":false,…}`.
///
/// What it says of the session is of the moment when the request was taken.
///
/// Nothing else in an answer is a JSON object with `end`, and no outcome in protobuf begins with `{`.
struct ReplayEnd: Encodable {
    var v = ProtocolVersion.written
    var end = true
    var stream: String?
    var session: String?
    /// How many outcomes, pictures or sessions the answer holds; with a timeline, of how many outcomes it tells.
    var count: UInt64 = 0
    /// The sequence after the last one in the answer: where to go on. Where it holds none, the first that was asked for, or the
    /// store's first where that is later.
    var next: UInt64 = 0
    /// True where the request asks for more than one answer holds (REQ): ask again, from `next`.
    var more = false
    /// Whether the session has ended; `poses` and `drops` are then all it will ever have.
    var ended = false
    /// Outcomes of the session in the store that are poses, and those that are drops.
    var poses: UInt64 = 0
    var drops: UInt64 = 0
    /// The session of the same stream that began after this one, for whoever missed its beginning; absent: none yet.
    var nextSession: String?
    /// Why there are no outcomes, or no more.
    var error: String?

    enum CodingKeys: String, CodingKey {
        case v, end, stream, session, count, next, more, ended, poses, drops, error
        case nextSession = "next_session"
    }
}
