/// The pipeline on one screen: lines that fit a terminal, without control characters.
package struct StatusScreen: Sendable {
    /// How a line is to be looked at.
    package enum Tone: Sendable, Equatable {
        case plain, heading, good, warning, bad, faint
    }

    /// One line.
    package struct Line: Sendable, Equatable {
        package var text: String
        package var tone: Tone

        init(_ text: String, _ tone: Tone = .plain) {
            self.text = text
            self.tone = tone
        }
    }

    package private(set) var lines: [Line] = []
    private let columns: Int

    /// Draws a status.
    ///
    /// - Parameters:
    ///   - columns: of the terminal. Below 20 lines are cut off.
    ///   - rows: of the terminal; streams beyond them are counted instead of listed. Nil: all are listed.
    package init(_ status: PipelineStatus, _ verdict: Verdict, columns: Int, rows: Int? = nil) {
        self.columns = max(20, columns)
        let tone: Tone =
            switch verdict.level {
            case .ok: .good
            case .slow: .warning
            case .stuck: .bad
            }
        for line in wrapped(verdict.text, to: self.columns) { lines.append(Line(line, tone)) }
        blank()
        drawStages(status)
        var below = StatusScreen(columns: self.columns)
        below.drawInfers(status)
        below.drawSink(status)
        below.drawGateway(status)
        drawStreams(status, room: rows.map { max(1, $0 - lines.count - below.lines.count - 3) })
        lines += below.lines
    }

    private init(columns: Int) {
        self.columns = columns
    }

    private mutating func blank() {
        lines.append(Line(""))
    }

    private mutating func draw(_ table: Table, _ tones: [Tone]) {
        let drawn = table.lines(columns: columns)
        lines.append(Line(drawn.heading, .heading))
        for (row, tone) in zip(drawn.rows, tones) { lines.append(Line(row, tone)) }
    }

    // MARK: - Parts

    private mutating func drawStages(_ status: PipelineStatus) {
        var table = Table([
            ("STAGE", .left), ("AT", .left), ("STATE", .left), ("CPU", .right), ("MEMORY", .right),
            ("WARNINGS", .right), ("ERRORS", .right),
        ])
        let shown = status.stages.filter { $0.isExpected || $0.state != .away }
        for stage in shown {
            table.add([
                stage.stage.rawValue, stage.place, stage.state.rawValue,
                stage.cpu.map { "\(Int(($0 * 100).rounded())) %" } ?? "", stage.memoryBytes.map(bytes) ?? "",
                stage.warnings.map(short) ?? "", stage.errors.map(short) ?? "",
            ])
        }
        draw(table, shown.map { $0.state == .ok ? .plain : .bad })
        for stage in shown where stage.state != .ok {
            for reason in stage.reasons {
                for line in wrapped("\(stage.stage): \(reason)", to: columns - 2) {
                    lines.append(Line("  " + line, .bad))
                }
            }
        }
    }

    private mutating func drawStreams(_ status: PipelineStatus, room: Int?) {
        guard !status.streams.isEmpty else { return }
        blank()
        var table = Table([
            ("STREAM", .left), ("IN/s", .right), ("OUT/s", .right), ("WINDOW", .right), ("OLDEST", .right),
            ("FRAMES", .right), ("DROPPED BY INGEST", .left),
        ])
        // The last line of the room is for the count of those that have none.
        let fits = room.map { status.streams.count <= $0 ? $0 : $0 - 1 } ?? status.streams.count
        let shown = status.streams.prefix(max(0, fits))
        for stream in shown {
            table.add([
                stream.name, rate(stream.acceptedPerSecond), rate(stream.outcomesPerSecond),
                "\(Int(stream.windowFrames))/\(Int(stream.windowLimitFrames))", seconds(stream.oldestSeconds),
                short(stream.accepted), Self.text(stream.drops),
            ])
        }
        draw(table, shown.map { $0.isFull ? .warning : $0.isActive ? .plain : .faint })
        let rest = status.streams.count - shown.count
        if rest > 0 { lines.append(Line("… and \(count(Double(rest), "more stream"))", .faint)) }
    }

    private mutating func drawInfers(_ status: PipelineStatus) {
        if status.links.count > 1 || status.links.contains(where: { !$0.isConnected }) {
            blank()
            var table = Table([
                ("INGEST SENDS TO", .left), ("CONNECTED", .left), ("IN FLIGHT", .right), ("STREAMS", .right),
            ])
            for link in status.links {
                table.add([
                    link.infer, link.isConnected ? "yes" : "no", short(link.inFlightFrames), short(link.streams),
                ])
            }
            draw(table, status.links.map { $0.isConnected ? .plain : .bad })
        }
        guard !status.infers.isEmpty else { return }
        blank()
        var table = Table([
            ("INFER", .left), ("OUT/s", .right), ("QUEUE", .right), ("QUEUED ms p50 p99", .right),
            ("ENGINE ms p50 p99", .right), ("BUSY", .right), ("BATCH", .right), ("IN HAND", .right),
        ])
        for infer in status.infers {
            let what = [infer.engine, infer.device, infer.precision].compactMap { $0 }.filter { !$0.isEmpty }
            table.add([
                what.isEmpty ? String(infer.url.dropFirst(7)) : what.joined(separator: " "),
                rate(infer.outcomesPerSecond),
                short(infer.queueFrames), Self.text(infer.queueMs), Self.text(infer.engineMs),
                infer.engineShare.map { "\(Int(min(1, $0) * 100)) %" } ?? "–",
                infer.batchFrames.map { fixed($0, 1) } ?? "–",
                short(infer.inHandFrames),
            ])
        }
        draw(table, status.infers.map { $0.isSinkConnected == false ? .bad : .plain })
        // On lines of their own, which narrow terminals have room for too.
        for infer in status.infers where !infer.drops.isEmpty {
            for line in wrapped("\(infer.url.dropFirst(7)) dropped: \(Self.text(infer.drops))", to: columns - 2) {
                lines.append(Line("  " + line, .warning))
            }
        }
        for infer in status.infers where infer.isSinkConnected == false {
            let waiting = count(infer.outboxMessages, "outcome")
            lines.append(Line(cut("  \(infer.url): no connection to the sink, \(waiting) wait", to: columns), .bad))
        }
    }

    private mutating func drawSink(_ status: PipelineStatus) {
        guard let sink = status.sink else { return }
        blank()
        var table = Table([
            ("SINK", .left), ("OUT/s", .right), ("LATENCY ms p50 p95 p99", .right), ("COMMIT ms p50 p99", .right),
            ("AHEAD", .right), ("STORE", .right), ("DISK FREE", .right), ("SUBSCRIBERS", .right),
        ])
        let latency = sink.latencyMs.map { "\(fixed($0.p50, 0)) \(fixed($0.p95, 0)) \(fixed($0.p99, 0))" }
        table.add([
            count(sink.openSessions, "session"), rate(sink.outcomesPerSecond), latency ?? "–", Self.text(sink.commitMs),
            short(sink.waitingOutcomes), sink.storeBytes.map(bytes) ?? "–", sink.diskFreeBytes.map(bytes) ?? "–",
            short(sink.subscribers),
        ])
        draw(table, [.plain])
    }

    private mutating func drawGateway(_ status: PipelineStatus) {
        guard let gateway = status.gateway else { return }
        blank()
        var table = Table([("GATEWAY", .left), ("REQUESTS/s", .right), ("JOBS", .left)])
        table.add([
            count(gateway.readers, "reader"), rate(gateway.requestsPerSecond),
            gateway.jobs.isEmpty ? "none" : Self.text(gateway.jobs),
        ])
        draw(table, [.plain])
    }

    // MARK: - Cells

    private func rate(_ number: Double?) -> String { number.map { fixed($0, 1) } ?? "–" }

    private func seconds(_ number: Double) -> String {
        number == 0 ? "–" : "\(fixed(number, number < 10 ? 2 : 0)) s"
    }

    private static func text(_ quantiles: PipelineStatus.Quantiles?) -> String {
        quantiles.map { "\(fixed($0.p50, 1)) \(fixed($0.p99, 1))" } ?? "–"
    }

    /// `shed 12, corrupt_jpeg 1`.
    private static func text(_ counts: [String: Double]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \(short($0.value))" }
            .joined(separator: ", ")
    }
}
