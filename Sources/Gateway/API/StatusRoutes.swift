internal import Client
internal import Hummingbird
internal import Messages
internal import Metering
internal import NIOCore
internal import Status

/// How the pipeline is.
struct StatusRoutes: RouteTopic {
    let services: GatewayServices

    func add(to routes: Routes) {
        let (pipeline, hub, archive, status) = (services.pipeline, services.hub, services.archive, services.status)
        routes.get("/livez") { _, _ in
            let report = status.report
            return Self.answer(report, report.live)
        }
        // Not whether the stages can be reached: recordings can be looked at all the same.
        routes.get("/healthz") { _, _ in
            let report = status.report
            return Self.answer(report, report.live && report.progress)
        }
        routes.get("/readyz") { _, _ in
            let report = status.report
            return Self.answer(report, report.ready, otherwise: "not ready", problems: pipeline.problems)
        }
        routes.get("/metrics") { _, _ in
            Response.data(ByteBuffer(string: status.metrics.text()), type: ExpositionText.contentType)
        }
        routes.get("/v1/status") { _, _ in
            Response.json(bytes: pipeline.json(viewers: hub.demand.readers))
        }
        routes.get("/v1/streams") { _, _ in
            var streams = pipeline.streams
            // What ran before the gateway started is known to the sink alone. Without it, what is live is an answer too.
            if pipeline.isUp(.sink), let sessions = try? await archive.ask({ try $0.sessions(timeout: .seconds(2)) }) {
                for summary in sessions { Self.add(summary, to: &streams) }
            }
            var json = JSONWriter(capacity: 1024)
            json.object { json in
                json.key("streams")
                json.array { json in
                    for (name, stream) in streams.sorted(by: { $0.key < $1.key }) { json.value(stream, named: name) }
                }
            }
            return Response.json(bytes: json.bytes)
        }
    }

    /// How the gateway is, as every stage says it; `status` and `problems` are older than that.
    private static func answer(
        _ report: HealthReport, _ isWell: Bool, otherwise word: String = "not well", problems: [String]? = nil
    ) -> Response {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            json.key("status")
            json.text(isWell ? "ok" : word)
            if let problems {
                json.key("problems")
                json.array { json in for problem in problems { json.text(problem) } }
            }
            json.key("stage")
            json.text(report.stage)
            json.key("live")
            json.value(report.live)
            json.key("ready")
            json.value(report.ready)
            json.key("progress")
            json.value(report.progress)
            json.key("reasons")
            json.array { json in for reason in report.reasons { json.text(reason) } }
        }
        return Response.json(bytes: json.bytes, status: isWell ? .ok : .serviceUnavailable)
    }

    /// Later sessions come after earlier ones.
    private static func add(_ summary: SessionSummary, to streams: inout [String: PipelineState.Stream]) {
        let name = summary.stream.description
        let session = summary.session.description
        if let known = streams[name], known.isLive || known.framesPerSecond > 0 {
            // The sink has counted from the session's beginning, the gateway since it came.
            guard known.session == session else { return }
            streams[name]?.poses = max(known.poses, summary.poses)
            streams[name]?.drops = max(known.drops, summary.drops)
            return
        }
        var stream = PipelineState.Stream(session: session)
        stream.isLive = false
        stream.poses = summary.poses
        stream.drops = summary.drops
        stream.lastSequence = summary.next > 0 ? summary.next - 1 : 0
        if let known = streams[name], known.session == session { stream.lastCaptureTime = known.lastCaptureTime }
        streams[name] = stream
    }
}
