internal import Messages
internal import Stage
internal import ZeroMQ

/// What all sources of infers say together: their last good answers. Owned by ingest's thread.
struct InferLists {
    /// Something about a source that is worth a line in the log.
    enum Remark {
        /// It cannot be asked; the number of infers that stay in use.
        case failed(InferSource, InferSourceError, known: Int)
        /// It can be asked again.
        case recovered(InferSource)
        /// It has more infers than are used.
        case tooMany(InferSource, count: Int)
    }

    private let sources: [InferSource]
    private let news = Mailbox<InferWatch.News>()
    private let watches: [InferWatch]
    private let token: Poller.Token
    private var known: [InferSource: [String]] = [:]
    private var failing: Set<InferSource> = []

    /// Reads the files and begins to ask for what can change.
    ///
    /// - Throws: `StageFailure` where a value is no source, or a file is not there or holds a mistake: at a start that is
    ///   somebody's slip. A name may get its addresses later.
    init(_ configuration: IngestConfiguration, poller: Poller) throws {
        do throws(InferSourceError) {
            var sources: [InferSource] = []
            for text in configuration.infers {
                let source = try InferSource(text)
                if !sources.contains(source) { sources.append(source) }
            }
            self.sources = sources
        } catch {
            throw StageFailure("\(error) (--infer).", exitCode: .configuration)
        }
        token = poller.watch(fileDescriptor: news.fileDescriptor)
        var watches: [InferWatch] = []
        for source in sources {
            switch source {
            case .endpoint(let endpoint): known[source] = [endpoint]
            case .name:
                watches.append(
                    InferWatch(
                        source, known: nil, every: configuration.inferLookupInterval, resolve: configuration.resolver,
                        news: news))
            case .file(let path):
                let answer = InferWatch.ask(source, configuration.resolver)
                switch answer {
                case .success(let endpoints): known[source] = endpoints
                case .failure(let error):
                    throw StageFailure("\(path): \(error) (--infer \(source)).", exitCode: .configuration)
                }
                watches.append(
                    InferWatch(
                        source, known: answer, every: configuration.inferFileInterval, resolve: configuration.resolver,
                        news: news))
            }
        }
        self.watches = watches
    }

    /// Those that could not be asked the last time.
    var silent: [InferSource] { sources.filter(failing.contains) }

    /// Every infer, with where it is from: where several sources have one it is the first's.
    var infers: [(endpoint: String, source: InferSource)] {
        var seen: Set<String> = []
        return sources.flatMap { source in
            (known[source] ?? []).filter { seen.insert($0).inserted }.map { ($0, source) }
        }
    }

    /// Takes note of what the sources have said since.
    ///
    /// - Returns: nil where nothing is new.
    mutating func readNews(from poller: Poller) -> [Remark]? {
        guard poller.isReadable(token) else { return nil }
        var remarks: [Remark] = []
        for news in news.drain() {
            switch news.answer {
            case .success(let endpoints):
                if failing.remove(news.source) != nil { remarks.append(.recovered(news.source)) }
                if endpoints.count > InferSource.maxEndpoints {
                    remarks.append(.tooMany(news.source, count: endpoints.count))
                }
                known[news.source] = Array(endpoints.prefix(InferSource.maxEndpoints))
            case .failure(let error):
                failing.insert(news.source)
                remarks.append(.failed(news.source, error, known: known[news.source]?.count ?? 0))
            }
        }
        return remarks
    }
}
