internal import ArgumentParser
internal import Messages
internal import Stage
internal import Store

/// The sessions of a store that `--stream` and `--session` name.
struct SessionSelection {
    let stream: String?
    let session: String?

    /// The sessions, in the order in which they began; all where nothing is named.
    ///
    /// - Throws: `StageFailure` where a name is none, or none is there.
    func sessions(_ reader: StoreReader) throws -> [SessionRecord] {
        let streamName = try stream.map { try StreamName($0) }
        var sessions = try reader.sessions(of: streamName)
        if let session {
            guard let id = SessionID(session) else {
                throw StageFailure("--session \(session): not a UUID", exitCode: .validationFailure)
            }
            sessions = sessions.filter { $0.session == id }
        }
        if sessions.isEmpty, stream != nil || session != nil {
            let known = try Set(reader.sessions().map(\.stream.description)).sorted()
            throw StageFailure(
                "\(reader.path) holds no such session; its streams are: "
                    + (known.isEmpty ? "none" : known.joined(separator: ", ")), exitCode: .failure)
        }
        return sessions
    }
}
