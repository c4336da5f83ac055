internal import Messages

/// Which form of a session's poses is wanted.
public enum RevisionChoice: Sendable, Equatable, CustomStringConvertible {
    /// As they were stored live.
    case original
    /// As last refined; as they were stored, where they were not.
    case latest
    /// As refined with this number.
    case number(Int)

    /// From `original`, `latest` or a number from 1; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "original": self = .original
        case "latest": self = .latest
        default:
            guard let number = Int(text), number > 0 else { return nil }
            self = .number(number)
        }
    }

    /// The word or the number.
    public var description: String {
        switch self {
        case .original: "original"
        case .latest: "latest"
        case .number(let number): "\(number)"
        }
    }

    /// A session has no revision of the number asked for.
    public struct NotFound: Error, Equatable, Sendable, CustomStringConvertible {
        /// Which, and what there is.
        public let description: String
    }
}

extension StoreReader {
    /// The revision of a session that a choice means; nil for the outcomes as they were stored.
    ///
    /// - Throws: `RevisionChoice.NotFound` where the session has none of the number, or `StoreError`.
    public func revision(_ choice: RevisionChoice, of session: SessionRecord) throws -> RevisionRecord? {
        if choice == .original { return nil }
        let revisions = try revisions(of: session.session)
        guard case .number(let number) = choice else { return revisions.last }
        if let revision = revisions.first(where: { $0.number == number }) { return revision }
        let known = revisions.map { "\($0.number)" }.joined(separator: ", ")
        throw RevisionChoice.NotFound(
            description: "session \(session.session) of \(session.stream) has no revision \(number) in \(path); "
                + (known.isEmpty ? "make one with posebus refine" : "it has \(known)"))
    }
}
