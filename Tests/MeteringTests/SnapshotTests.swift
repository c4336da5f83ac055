import Metering
import Testing

@Suite struct SnapshotTests {
    @Test func readsWhatPrometheusAllows() throws {
        let snapshot = try MetricsSnapshot(
            text: """
                # HELP http_requests_total The total number of HTTP requests.
                # TYPE http_requests_total counter
                http_requests_total{method="post",code="200"} 1027 1395066363000
                http_requests_total{method="post",code="400",} 3\r

                  spaced { path = "C:\\\\DIR\\n" } 1.458255915e9
                negative{} -Inf
                nothing NaN
                """)
        #expect(snapshot["http_requests_total", ["code": "400"]] == 3)
        #expect(snapshot.sum("http_requests_total", ["method": "post"]) == 1030)
        #expect(snapshot["spaced", ["path": "C:\\DIR\n"]] == 1.458255915e9)
        #expect(snapshot["negative"] == -.infinity)
        #expect(snapshot["nothing"]?.isNaN == true)
        #expect(snapshot["absent"] == nil)
        #expect(snapshot.names == ["http_requests_total", "negative", "nothing", "spaced"])
    }

    @Test(arguments: [
        "a{b=\"c\" 1", "a{b} 1", "a{b=\"c} 1", "a one", "{} 1", "a", "a{b=c} 1", "a{b=\"c\\",
    ])
    func saysWhichLineIsWrong(line: String) {
        let error = #expect(throws: MetricsSnapshot.Invalid.self) { try MetricsSnapshot(text: "fine 1\n" + line) }
        #expect(error?.line == 2)
    }

    @Test func estimatesQuantilesAsPrometheusDoes() throws {
        let text = """
            t_bucket{stream="a",le="1"} 2
            t_bucket{stream="a",le="2"} 3
            t_bucket{stream="a",le="+Inf"} 4
            t_sum{stream="a"} 10
            t_bucket{stream="b",le="1"} 2
            t_bucket{stream="b",le="2"} 3
            t_bucket{stream="b",le="+Inf"} 4
            t_sum{stream="b"} 10
            """
        let histogram = try #require(try MetricsSnapshot(text: text).histogram("t"))
        #expect(histogram.count == 8)
        #expect(histogram.mean == 2.5)
        #expect(histogram.quantile(0.25) == 0.5)
        #expect(histogram.quantile(0.625) == 1.5)
        #expect(histogram.quantile(0.99) == 2)
        let one = try #require(try MetricsSnapshot(text: text).histogram("t", ["stream": "a"]))
        #expect(histogram.since(one).count == 4)
        #expect(one.since(histogram).count == 4)
        #expect(try MetricsSnapshot(text: "").histogram("t") == nil)
    }

    @Test func healthIsReadAsItIsWritten() {
        let report = HealthReport(
            stage: "ingest", live: true, ready: true, progress: false, reasons: ["\"cam1\": no\nanswer"])
        #expect(HealthReport(json: report.json) == report)
        #expect(!report.isHealthy)
        #expect(
            report.json.hasPrefix(#"{"stage":"ingest","live":true,"ready":true,"progress":false,"reasons":["#))
        #expect(HealthReport(json: "<html>") == nil)
    }
}
