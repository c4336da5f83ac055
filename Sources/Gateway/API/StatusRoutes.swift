internal import Client
internal import Hummingbird
internal import Messages

/// How the pipeline is.
struct StatusRoutes: RouteTopic {
    let services: GatewayServices

    func add(to routes: Routes) {
        let (pipeline, hub, archive) = (services.pipeline, services.hub, services.archive)
        routes.get("/healthz") { _, _ in Response.json(bytes: Array(#"{"status":"ok"}"#.utf8)) }
        routes.get("/readyz") { _, _ in
            let problems = pipeline.problems
            var json = JSONWriter()
            json.object { json in
                json.key("status")
                json.text(problems.isEmpty ? "ok" : "not ready")
                json.key("problems")
                json.array { json in for problem in problems { json.text(problem) } }
            }
            return Response.json(bytes: json.bytes, status: problems.isEmpty ? .ok : .serviceUnavailable)
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
