internal import Metering
internal import NIOConcurrencyHelpers
internal import NIOCore

/// Hands everything that is live to every reader that wants it.
final class Hub: Sendable {
    /// What readers together want to have made.
    struct Demand: Equatable, Sendable {
        /// How many there are.
        var readers = 0
        /// Streams whose pictures are wanted; nil for all.
        var frames: Set<String>? = []
        /// Whether meshes are wanted.
        var meshes = false

        func wantsFrames(of stream: String) -> Bool { frames?.contains(stream) ?? true }
    }

    private struct State {
        var readers: [ObjectIdentifier: Reader] = [:]
        var status: LiveItem?
        var isClosed = false
    }

    /// Readers that were cut off because they took nothing.
    let cutOff = Counter()

    private let state = NIOLockedValueBox(State())
    private let onDemand = NIOLockedValueBox<(@Sendable (Demand) -> Void)?>(nil)

    init() {}

    /// Whom to tell whenever the demand changes.
    func observe(_ observer: @escaping @Sendable (Demand) -> Void) {
        onDemand.withLockedValue { $0 = observer }
        observer(demand)
    }

    /// How many readers there are of each kind.
    var readers: [Reader.Kind: Int] {
        state.withLockedValue { state in
            state.readers.values.reduce(into: [:]) { $0[$1.kind, default: 0] += 1 }
        }
    }

    /// What readers want now.
    var demand: Demand {
        let readers = state.withLockedValue { Array($0.readers.values) }
        var demand = Demand(readers: readers.count)
        for reader in readers {
            let wishes = reader.wishes
            demand.meshes = demand.meshes || wishes.meshes
            guard wishes.frames else { continue }
            if let streams = wishes.streams { demand.frames?.formUnion(streams) } else { demand.frames = nil }
        }
        return demand
    }

    /// Adds a reader.
    ///
    /// - Returns: false where the gateway is stopping: nothing will come.
    func add(_ reader: Reader) -> Bool {
        let status: LiveItem?? = state.withLockedValue { state in
            guard !state.isClosed else { return nil }
            state.readers[ObjectIdentifier(reader)] = reader
            return .some(state.status)
        }
        guard let status else { return false }
        if let status { reader.offer(status) }
        wishesChanged()
        return true
    }

    func remove(_ reader: Reader) {
        guard state.withLockedValue({ $0.readers.removeValue(forKey: ObjectIdentifier(reader)) }) != nil else { return }
        wishesChanged()
    }

    /// A reader wants something else than before.
    func wishesChanged() {
        let demand = demand
        onDemand.withLockedValue { $0 }?(demand)
    }

    /// Hands an item to every reader that wants it.
    func publish(_ item: LiveItem) {
        let readers = state.withLockedValue { state in
            if case .status = item { state.status = item }
            return Array(state.readers.values)
        }
        for reader in readers { reader.offer(item) }
    }

    /// Ends all readers: the gateway is stopping.
    func close() {
        let readers = state.withLockedValue { state in
            state.isClosed = true
            defer { state.readers = [:] }
            return Array(state.readers.values)
        }
        for reader in readers { reader.end() }
    }
}

/// One who reads what is live, on whatever thread it lives.
final class Reader: Sendable {
    /// What a reader wants.
    struct Wishes: Sendable {
        /// Nil: all streams.
        var streams: Set<String>?
        var frames = false
        var meshes = false

        func wants(_ stream: String) -> Bool { streams?.contains(stream) ?? true }
    }

    /// How it is connected.
    enum Kind: String, CaseIterable {
        /// Over a WebSocket.
        case webSocket = "websocket"
        /// With server-sent events.
        case events
        /// Until the outcome of the picture is there that it sent.
        case wait
    }

    private struct State {
        var wishes: Wishes
        var queue: ReaderQueue
        /// Whether it was told to come and has not come yet.
        var isCalled = false
        var isEnded = false

        mutating func callNow() -> Bool {
            defer { isCalled = true }
            return !isCalled
        }
    }

    let kind: Kind
    private let state: NIOLockedValueBox<State>
    private let call: @Sendable () -> Void

    /// A reader.
    ///
    /// - Parameter call: tells it that something is there; not again before it has taken everything.
    init(
        _ kind: Kind, _ wishes: Wishes, limits: ReaderQueue.Limits = .init(), call: @escaping @Sendable () -> Void
    ) {
        self.kind = kind
        state = NIOLockedValueBox(State(wishes: wishes, queue: ReaderQueue(limits: limits)))
        self.call = call
    }

    var wishes: Wishes { state.withLockedValue { $0.wishes } }

    func change(_ wishes: Wishes) { state.withLockedValue { $0.wishes = wishes } }

    /// Puts an item into its queue, if it wants it.
    func offer(_ item: LiveItem) {
        let calls = state.withLockedValue { state in
            switch item {
            case .outcome(let outcome): guard state.wishes.wants(outcome.stream) else { return false }
            case .session(let stream, _): guard state.wishes.wants(stream) else { return false }
            case .status: break
            }
            state.queue.append(item)
            return state.callNow()
        }
        if calls { call() }
    }

    /// Nothing more will come.
    func end() {
        let calls = state.withLockedValue { state in
            state.isEnded = true
            return state.callNow()
        }
        if calls { call() }
    }

    /// What a reader finds when it comes.
    enum Found {
        case next(ReaderQueue.Next)
        case nothing
        case end
    }

    /// Takes the next thing. Where nothing is there the reader is called when something is.
    func take() -> Found {
        state.withLockedValue { state in
            if let next = state.queue.next() { return .next(next) }
            state.isCalled = false
            return state.isEnded ? .end : .nothing
        }
    }
}
