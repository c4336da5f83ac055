internal import Foundation
internal import Hummingbird
internal import Jobs
internal import Messages

/// What is known of the pipeline when the old API is asked about models.
struct LegacyState: Sendable {
    /// Whether a picture that is sent now gets an answer: ingest, infer and sink are reachable. Infer is once its models are
    /// loaded.
    var isReady: Bool
    /// What infer runs; nil where it is not known yet.
    var engine: String?
    /// What it computes on; nil where it is not known.
    var device: String?
    /// What is wrong and what to do; nil where nothing is.
    var trouble: String?

    var usesGPU: Bool { device?.hasPrefix("cuda") ?? false }
    /// The old answers know `cuda` and `cpu`.
    var shortDevice: String? { device.map { usesGPU ? "cuda" : String($0.prefix { $0 != ":" }) } }
    /// Which of the old service's models there is something for.
    var hasBodies: Bool { isReady && engine == "hmr2" }
}

/// The old API's answers about itself. A client asks these before it sends anything.
enum LegacyHealth {
    /// `/health`: always with 200, so that a client tells a service that warms up from none.
    static func basic(_ state: LegacyState) -> Response {
        func word(_ isLoaded: Bool) -> String { isLoaded ? "loaded" : "not_loaded" }
        return write { json in
            json.key("status")
            json.text(state.isReady ? "ready" : "warming_up")
            json.key("models")
            json.object { json in
                json.key("hmr2")
                json.text(word(state.hasBodies))
                json.key("vitdet")
                json.text(word(state.isReady))
                json.key("phalp")
                json.text(word(state.isReady))
            }
            json.key("device")
            json.textOrNull(state.shortDevice)
            json.key("ready")
            json.value(state.isReady)
            json.key("vitdet_available")
            json.value(state.isReady)
            json.key("error")
            json.textOrNull(state.trouble)
        }
    }

    /// `/api/pose/health`: 503 until everything is there.
    static func detailed(_ state: LegacyState, _ counts: JobStore.Counts) -> Response {
        let status = !state.isReady ? "initializing" : counts.queued > 10 ? "degraded" : "healthy"
        return write(status: state.isReady ? .ok : .serviceUnavailable) { json in
            json.key("status")
            json.text(status)
            json.key("timestamp")
            json.value(Self.now, decimals: 6)
            json.key("models_loaded")
            json.value(state.isReady)
            json.key("gpu_available")
            json.value(state.usesGPU)
            json.key("device")
            json.textOrNull(state.shortDevice)
            json.key("models")
            json.object { json in
                json.key("hmr2")
                json.value(state.hasBodies)
                json.key("vitdet")
                json.value(state.isReady)
                json.key("phalp")
                json.value(state.isReady)
            }
            json.key("pool")
            json.object { json in
                json.key("gpu_busy")
                json.value(counts.processing > 0)
                json.key("queue_length")
                json.value(counts.queued)
                json.key("active_jobs")
                json.value(counts.queued + counts.processing)
            }
            if let trouble = state.trouble {
                json.key("error")
                json.text(trouble)
            }
        }
    }

    /// `/api/pose/pool-status`
    static func pool(_ state: LegacyState, _ counts: JobStore.Counts, secondsPerJob: Double?) -> Response {
        let isBusy = counts.processing > 0
        return write { json in
            json.key("timestamp")
            json.value(Self.now, decimals: 6)
            json.key("pool")
            json.object { json in
                json.key("gpu_busy")
                json.value(isBusy)
                json.key("max_workers")
                json.value(1)
                json.key("active_workers")
                json.value(isBusy ? 1 : 0)
                json.key("available_workers")
                json.value(isBusy ? 0 : 1)
            }
            json.key("queue")
            json.object { json in
                json.key("length")
                json.value(counts.queued)
                json.key("estimated_wait_time_seconds")
                // The old service's guess where nothing was measured yet.
                json.value(Int((Double(counts.queued) * (secondsPerJob ?? 60)).rounded(.up)))
            }
            json.key("jobs")
            json.object { json in
                json.key("total")
                json.value(counts.total)
                json.key("queued")
                json.value(counts.queued)
                json.key("processing")
                json.value(counts.processing)
                json.key("completed")
                json.value(counts.completed)
                json.key("failed")
                json.value(counts.failed)
            }
            json.key("system")
            json.object { json in
                json.key("device")
                json.textOrNull(state.shortDevice)
                json.key("gpu_available")
                json.value(state.usesGPU)
                json.key("models_loaded")
                json.value(state.isReady)
            }
        }
    }

    /// `/debug/faces`
    static func faces(_ faces: [Int]?, _ state: LegacyState) -> Response {
        write { json in
            guard let faces, faces.count >= 3 else {
                json.key("status")
                json.text("not_loaded")
                json.key("message")
                json.text("No SMPL model is installed here, so there are no faces; see docs/hmr2.md")
                json.key("hmr2_available")
                json.value(state.hasBodies)
                json.key("phalp_available")
                json.value(state.isReady)
                return
            }
            json.key("status")
            json.text("loaded")
            json.key("type")
            json.text("uint32")
            json.key("shape")
            json.text("(\(faces.count / 3), 3)")
            json.key("total_faces")
            json.value(faces.count / 3)
            json.key("first_face")
            json.array { json in faces.prefix(3).forEach { json.value($0) } }
            json.key("json_serializable")
            json.value(true)
            json.key("sample_json_size")
            json.value(sampleSize(faces))
        }
    }

    /// The bytes of the first ten faces as JSON.
    private static func sampleSize(_ faces: [Int]) -> Int {
        var sample = JSONWriter()
        sample.array { json in
            for start in stride(from: 0, to: min(30, faces.count - 2), by: 3) {
                json.array { json in for corner in 0..<3 { json.value(faces[start + corner]) } }
            }
        }
        return sample.bytes.count
    }

    private static var now: Double { Double(Timestamp.now.nanoseconds) / 1e9 }

    private static func write(
        status: HTTPResponse.Status = .ok, _ content: (inout JSONWriter) -> Void
    ) -> Response {
        var json = JSONWriter(capacity: 512)
        json.object(content)
        return .json(bytes: json.bytes, status: status)
    }
}

extension JSONWriter {
    /// Writes a text, or `null`.
    mutating func textOrNull(_ text: String?) {
        if let text { self.text(text) } else { null() }
    }

    /// Writes Unix seconds, or `null`.
    mutating func secondsOrNull(_ time: Timestamp?) {
        if let time { value(Double(time.nanoseconds) / 1e9, decimals: 6) } else { null() }
    }
}
