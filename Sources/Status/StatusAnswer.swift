internal import Metering

/// What is answered at a path.
package struct StatusAnswer: Sendable, Equatable {
    /// 200, 404 and so on.
    package let status: Int
    package let contentType: String
    package let body: String

    private init(_ status: Int, _ contentType: String, _ body: String) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

extension StageStatus {
    /// The answer to a request; nil where there is nothing at this path.
    package func answer(path: some StringProtocol) -> StatusAnswer? {
        switch path.prefix(while: { $0 != "?" }) {
        case "/metrics": StatusAnswer(metrics: metrics.text())
        case "/livez": StatusAnswer(report, isWell: report.live)
        case "/readyz": StatusAnswer(report, isWell: report.ready)
        case "/healthz": StatusAnswer(report, isWell: report.isHealthy)
        default: nil
        }
    }
}

extension StatusAnswer {
    fileprivate init(metrics: String) {
        self.init(200, ExpositionText.contentType, metrics)
    }

    fileprivate init(_ report: HealthReport, isWell: Bool) {
        self.init(isWell ? 200 : 503, "application/json", report.json + "\n")
    }

    /// Something is wrong with the request.
    init(error status: Int, _ sentence: String) {
        self.init(status, "text/plain; charset=utf-8", sentence + "\n")
    }
}
