/// What does not fit together although each stage by itself is right.
package struct Contradictions {
    private let stages: [StageKind: StageChoices]

    /// Stages that are meant to run together.
    package init(_ stages: [StageChoices]) {
        self.stages = Dictionary(stages.map { ($0.schema.stage, $0) }, uniquingKeysWith: { $1 })
    }

    /// All of them, in the order of the checks.
    package var mistakes: [Mistake] {
        Self.links.compactMap(mismatch) + addresses + keys + pictures + limits
    }

    /// Who connects where: the option that names an endpoint, and the one that binds it.
    package static let links: [(from: (StageKind, String), to: (StageKind, String))] = [
        ((.ingest, "infer"), (.infer, "bind")),
        ((.ingest, "acks"), (.sink, "bind-acks")),
        ((.infer, "sink"), (.sink, "bind-outcomes")),
        ((.gateway, "results"), (.sink, "bind-results")),
        ((.gateway, "replay"), (.sink, "bind-replay")),
        ((.gateway, "ingest"), (.ingest, "bind-request")),
        ((.gateway, "preview"), (.ingest, "bind-preview")),
        ((.gateway, "infer"), (.infer, "bind")),
    ]

    /// Two stages of one machine that do not meet.
    private func mismatch(_ link: (from: (StageKind, String), to: (StageKind, String))) -> Mistake? {
        guard let from = stages[link.from.0], let to = stages[link.to.0] else { return nil }
        guard let bound = to.value(link.to.1).flatMap(Endpoint.init), let port = bound.port else { return nil }
        let named = from.values(link.from.1).compactMap(Endpoint.init)
        // One of several on this machine suffices: the others are other stages'. And elsewhere ports may be mapped.
        let here = named.filter { $0.isSameHost(asBound: bound) }
        guard !here.isEmpty, !here.contains(where: { $0.port == port }) else { return nil }
        let (there, other) = ("\(link.to.0.rawValue).\(link.to.1)", to.place(link.to.1).short)
        return from.mistake(
            about: link.from.1, or: (to, link.to.1),
            """
            \(from.values(link.from.1).joined(separator: ", ")) is not where \(link.to.0.program) listens: \(there) is \
            \(to.value(link.to.1) ?? "") (\(other))
            """)
    }

    /// Ports that are wanted twice: by one stage, which is wrong, or by two, which may run on two machines.
    private var addresses: [Mistake] {
        var taken: [(stage: StageChoices, name: String, endpoint: Endpoint)] = []
        var mistakes: [Mistake] = []
        for stage in StageKind.allCases.compactMap({ stages[$0] }) {
            for name in stage.schema.settings.map(\.name) where name.hasPrefix("bind") || name == "status" {
                guard let endpoint = stage.value(name).flatMap(Endpoint.init), let port = endpoint.port else {
                    continue
                }
                defer { taken.append((stage, name, endpoint)) }
                let others = taken.filter { $0.endpoint.port == port && $0.endpoint.meets(endpoint) }
                guard let other = others.last else { continue }
                let place = other.stage.place(other.name).short
                let isOwn = other.stage.schema.stage == stage.schema.stage
                mistakes.append(
                    stage.mistake(
                        about: name, or: (other.stage, other.name),
                        isOwn
                            ? "port \(port) is taken by \(other.name) (\(place))"
                            : """
                            port \(port) is that of \(other.stage.schema.stage.rawValue).\(other.name) too (\(place)): both \
                            cannot run on one machine
                            """, isRemark: !isOwn))
            }
        }
        return mistakes
    }

    /// A stage with keys and one without do not understand each other.
    private var keys: [Mistake] {
        let secured = stages.values.filter { $0.value("keys") ?? $0.value("key") != nil }
        guard let one = secured.min(by: { $0.schema.stage.rawValue < $1.schema.stage.rawValue }) else { return [] }
        let name = one.value("keys") != nil ? "keys" : "key"
        return StageKind.allCases.compactMap { stages[$0] }.filter { $0.value("keys") ?? $0.value("key") == nil }.map {
            Mistake(
                one.place(name), key: one.choices[name]?.name,
                "\($0.schema.stage.rawValue) has no keys, so it cannot talk to \(one.schema.stage.rawValue), which has some"
            )
        }
    }

    /// Pictures that one stage keeps and another does not send.
    private var pictures: [Mistake] {
        guard let infer = stages[.infer], let sink = stages[.sink] else { return [] }
        let keeps = !["", "0"].contains(sink.value("keep-frames") ?? "")
        let forwards = infer.isOn("forward-frames")
        if keeps, !forwards {
            return [
                sink.mistake(
                    about: "keep-frames", or: (infer, "forward-frames"),
                    "the sink gets no pictures: infer.forward-frames is off (\(infer.place("forward-frames").short))")
            ]
        }
        if forwards, !keeps {
            return [
                infer.mistake(
                    about: "forward-frames", or: (sink, "keep-frames"),
                    "pictures go to the sink for nothing: sink.keep-frames is not set", isRemark: true)
            ]
        }
        if keeps, let ingest = stages[.ingest], ingest.value("payload") == "rgb" {
            return [
                ingest.mistake(
                    about: "payload", or: (sink, "keep-frames"),
                    "the sink keeps JPEGs only, and with rgb it gets none (sink.keep-frames: \(sink.place("keep-frames").short))"
                )
            ]
        }
        return []
    }

    /// Frames that ingest accepts and infer refuses.
    private var limits: [Mistake] {
        guard let ingest = stages[.ingest], let infer = stages[.infer] else { return [] }
        return ["max-image-bytes", "max-pixels"].compactMap { name in
            guard let accepted = ingest.value(name).flatMap({ Int($0) }),
                let decoded = infer.value(name).flatMap({ Int($0) }),
                accepted > decoded
            else { return nil }
            return ingest.mistake(
                about: name, or: (infer, name),
                """
                ingest accepts frames up to \(accepted), of which infer drops those above \(decoded) \
                (\(infer.place(name).short))
                """, isRemark: true)
        }
    }
}

extension StageChoices {
    /// A mistake at whichever of two settings somebody chose.
    fileprivate func mistake(
        about name: String, or other: (stage: StageChoices, name: String), _ text: String, isRemark: Bool = false
    ) -> Mistake {
        let place = choices[name]?.place ?? other.stage.place(other.name)
        return Mistake(place, key: "\(schema.stage.rawValue).\(name)", text, isRemark: isRemark)
    }
}
