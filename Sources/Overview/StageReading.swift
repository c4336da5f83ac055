package import Metering

/// Which stage is asked, and where.
package struct StageAddress: Sendable, Equatable {
    /// A stage by its name.
    package enum Kind: String, Sendable, CaseIterable, Encodable {
        case ingest, infer, sink, gateway
    }

    package let kind: Kind
    /// `http://HOST:PORT`.
    package let url: String
    /// Whether it is trouble that nobody answers there.
    package let isExpected: Bool

    /// An address as a person writes it: `http://HOST:PORT`, or without the `http://`.
    ///
    /// - Returns: nil where it is none.
    package init?(_ kind: Kind, _ text: String, isExpected: Bool = true) {
        let prefix = "http://"
        var rest = text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text[...]
        while rest.last == "/" { rest.removeLast() }
        guard !rest.isEmpty, !rest.contains("/"), !rest.contains(where: \.isWhitespace) else { return nil }
        self.kind = kind
        self.isExpected = isExpected
        url = prefix + rest
    }

    /// Without what every address begins with.
    package var place: String { String(url.dropFirst("http://".count)) }
}

/// What one stage said of itself at one moment.
package struct StageReading: Sendable {
    package let address: StageAddress
    package let time: ContinuousClock.Instant
    /// Nil where it does not answer.
    package let health: HealthReport?
    package let metrics: MetricsSnapshot?
    /// Why it does not answer.
    package let silence: String?

    /// A reading.
    package init(
        _ address: StageAddress, at time: ContinuousClock.Instant, health: HealthReport?, metrics: MetricsSnapshot?,
        silence: String? = nil
    ) {
        self.address = address
        self.time = time
        self.health = health
        self.metrics = metrics
        self.silence = silence
    }

    /// Asks a stage. It blocks its thread, at most for `timeout` and a little more.
    package init(of address: StageAddress, timeout: Duration) {
        let time = ContinuousClock.now
        func silent(_ reason: String) -> StageReading {
            let prefix = "\(address.url)/"
            // The address stands beside the reason already.
            let isOwn = reason.hasPrefix(prefix)
            return StageReading(
                address, at: time, health: nil, metrics: nil,
                silence: isOwn ? String(reason.drop { $0 != " " }.dropFirst()) : reason)
        }
        do {
            let metrics = try HTTPGet(address.url + "/metrics", timeout: timeout)
            let health = try HTTPGet(address.url + "/healthz", timeout: timeout)
            guard metrics.status == 200, let report = HealthReport(json: health.body) else {
                self = silent("what answers there is no stage of PoseBus (HTTP \(metrics.status))")
                return
            }
            guard report.stage == address.kind.rawValue else {
                self = silent("\(report.stage) answers there")
                return
            }
            self.init(address, at: time, health: report, metrics: try MetricsSnapshot(text: metrics.body))
        } catch {
            self = silent("\(error)")
        }
    }
}
