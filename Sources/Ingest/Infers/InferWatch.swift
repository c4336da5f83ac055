internal import Foundation
internal import Messages
internal import Stage
internal import ZeroMQ

/// Asks one source of infers again and again, on a thread of its own: a resolver, or a disk, may take its time.
final class InferWatch: Sendable {
    /// What a source said, when that is something new.
    struct News: Sendable {
        let source: InferSource
        let answer: Answer
    }

    typealias Answer = Result<[String], InferSourceError>

    private let stop = StopSignal()

    /// Begins to ask.
    ///
    /// - Parameters:
    ///   - known: what is known already.
    ///   - resolve: asks for the addresses of a name.
    ///   - news: where it tells what has changed.
    init(
        _ source: InferSource, known: Answer?, every period: Duration, resolve: @escaping IngestConfiguration.Resolver,
        news: Mailbox<News>
    ) {
        let thread = Thread { [stop] in
            var known = known
            while !stop.isRequested {
                let answer = Self.ask(source, resolve)
                if answer != known {
                    known = answer
                    news.post(News(source: source, answer: answer))
                }
                stop.wait(atMost: period)
            }
        }
        thread.name = "infer-list"
        thread.start()
    }

    /// Asks a source once.
    static func ask(_ source: InferSource, _ resolve: IngestConfiguration.Resolver) -> Answer {
        Result { () throws(InferSourceError) in
            switch source {
            case .endpoint(let endpoint): return [endpoint]
            case .name(let host, let port): return try resolve(host, port)
            case .file(let path): return try InferSource.endpoints(inList: contents(of: path))
            }
        }
    }

    private static func contents(of path: String) throws(InferSourceError) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw InferSourceError("there is no such file")
        }
        guard !isFolder.boolValue, let handle = FileHandle(forReadingAtPath: path) else {
            throw InferSourceError("it cannot be read")
        }
        defer { try? handle.close() }
        // An empty file reads as nil.
        guard let data = try? handle.read(upToCount: InferSource.maxFileLength + 1) ?? Data() else {
            throw InferSourceError("it cannot be read")
        }
        guard data.count <= InferSource.maxFileLength, let text = String(validating: data, as: UTF8.self) else {
            throw InferSourceError("it is no list of endpoints")
        }
        return text
    }

    deinit {
        // A thread that waits for a resolver ends after that; it holds nothing that others need.
        stop.request()
    }
}

extension StopSignal {
    /// Waits for the request, or until the time is up.
    fileprivate func wait(atMost time: Duration) {
        var item = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&item, 1, Int32(clamping: Int(time / .milliseconds(1))))
    }
}
