internal import Foundation
internal import GRDB
internal import Messages

/// What was found of one session: whether the promise holds for it, one outcome for every frame, in order.
public struct SessionVerdict: Sendable, Equatable {
    /// The session as its row describes it.
    public let session: SessionRecord
    /// Outcomes that are there, by count.
    public let outcomes: UInt64
    /// Refined revisions that are there.
    public var revisions = 0
    /// What contradicts the promise, one sentence each; empty where it holds. Long lists are cut.
    public var findings: [String]
}

/// What was found in a whole store.
public struct StoreVerdict: Sendable, Equatable {
    /// What is wrong with the file or belongs to no session.
    public let findings: [String]
    /// Every session, in the order in which they began.
    public let sessions: [SessionVerdict]

    /// Whether the promise holds.
    public var holds: Bool { findings.isEmpty && sessions.allSatisfy(\.findings.isEmpty) }
}

extension StoreReader {
    /// Checks the promise on every session: its sequences begin where it says and have no gap, each has one outcome, stored
    /// in order, whose body can be read and agrees with its row; its counters are right; and where it has ended, every
    /// frame that ingest numbered is there. Its revisions have a body for each of its poses and for nothing else. Also SQLite's
    /// own check of the whole file.
    ///
    /// A sink may be writing meanwhile: each session is read as it stands at one moment.
    ///
    /// - Parameter progress: called now and then with the number of outcomes checked.
    /// - Throws: `StoreError` where the file cannot be read at all; of kind `damaged` where SQLite says so.
    public func verify(progress: (UInt64) -> Void = { _ in }) throws(StoreError) -> StoreVerdict {
        var findings: [String] = []
        let rows: [Int64] = try translatingErrors(of: path) {
            try reading { db -> [Int64] in
                findings += try String.fetchAll(db, sql: "PRAGMA integrity_check(20)").filter { $0 != "ok" }
                    .map { "SQLite: \($0)" }
                let strays = try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM outcomes WHERE session NOT IN (SELECT id FROM sessions)")
                if let strays, strays > 0 { findings.append("\(strays) outcomes belong to no session") }
                if try db.tableExists("refined") {
                    let strays = try Int.fetchOne(
                        db, sql: "SELECT count(*) FROM refined WHERE revision NOT IN (SELECT id FROM revisions)")
                    if let strays, strays > 0 { findings.append("\(strays) refined poses belong to no revision") }
                }
                return try Int64.fetchAll(db, sql: "SELECT id FROM sessions ORDER BY id")
            }
        }
        var sessions: [SessionVerdict] = []
        var checked: UInt64 = 0
        for row in rows {
            let verdict: SessionVerdict = try translatingErrors(of: path) {
                try reading { db in try check(sessionInRow: row, of: db) { progress(checked + $0) } }
            }
            checked += verdict.outcomes
            sessions.append(verdict)
        }
        return StoreVerdict(findings: findings, sessions: sessions)
    }

    private func check(
        sessionInRow row: Int64, of db: Database, _ progress: (UInt64) -> Void
    ) throws -> SessionVerdict {
        let record = try session(inRow: row, of: db)
        var walk = SessionWalk(record)
        let outcomes = try Row.fetchCursor(
            db,
            sql: """
                SELECT rowid, sequence, capture_time_ns, drop_stage, drop_reason, persons, body
                FROM outcomes WHERE session = ? ORDER BY sequence, rowid
                """, arguments: [row])
        while let outcome = try outcomes.next() {
            walk.take(outcome)
            if walk.outcomes.isMultiple(of: 5000) { progress(walk.outcomes) }
        }
        var verdict = walk.verdict()
        let (revisions, wrong) = try checkRevisions(ofSessionInRow: row, record, in: db)
        verdict.revisions = revisions
        verdict.findings += wrong
        return verdict
    }
}

/// Goes through a session's outcomes by sequence and notes what does not fit.
private struct SessionWalk {
    private let record: SessionRecord
    private(set) var outcomes: UInt64 = 0
    private var poses: UInt64 = 0
    private var drops: UInt64 = 0
    private var expected: SequenceNumber
    private var lastRow = Int64.min
    private var findings: [String] = []
    private var cut = 0

    private static let longestList = 20

    init(_ record: SessionRecord) {
        self.record = record
        expected = record.first
    }

    mutating func take(_ row: Row) {
        outcomes += 1
        let sequence = SequenceNumber(row[1])
        if sequence < expected {
            note(
                sequence < record.first
                    ? "sequence \(sequence) lies before the session's first, \(record.first)"
                    : "sequence \(sequence) is there more than once")
        } else {
            noteMissing(until: sequence)
            expected = sequence.next
        }
        let number: Int64 = row[0]
        if number < lastRow { note("sequence \(sequence) was stored before its predecessor") }
        lastRow = max(lastRow, number)

        let stage: String? = row[3]
        let reason: String? = row[4]
        if reason == nil { poses += 1 } else { drops += 1 }
        let outcome: Outcome
        do throws(WireError) {
            outcome = try Outcome(wire: [UInt8](row[6] as Data))
        } catch {
            return note("sequence \(sequence): its body cannot be read: \(error)")
        }
        let frame = outcome.frame
        for (what, agrees) in [
            ("another session, \(frame.session)", frame.session == record.session),
            ("another stream", frame.stream == record.stream),
            ("sequence \(frame.sequence)", frame.sequence == sequence),
            ("another time of capture", frame.captureTime.nanoseconds == row[2]),
            ("another drop", outcome.drop?.stage.rawValue == stage && outcome.drop?.reason.rawValue == reason),
            ("\(outcome.observedPersons) persons", outcome.observedPersons == row[5]),
        ] where !agrees {
            note("sequence \(sequence): its body says \(what)")
        }
    }

    /// Compares the session's own row with what was found.
    mutating func verdict() -> SessionVerdict {
        noteMissing(until: record.next)
        if expected > record.next {
            note("the session's mark is \(record.next), but there are outcomes up to \(expected)")
        }
        if (poses, drops) != (record.poses, record.drops) {
            note("it counts \(record.poses) poses and \(record.drops) drops; there are \(poses) and \(drops)")
        }
        switch (record.ended, record.frames) {
        case (nil, nil): break
        case (nil, let frames?): note("it has not ended, yet says that it has \(frames) frames")
        case (_?, nil): note("it has ended, yet does not say how many frames it has")
        case (_?, let frames?):
            if frames != record.next.value { note("it ended with \(frames) frames, but its mark is \(record.next)") }
        }
        if cut > 0 { findings.append("and \(cut) more") }
        return SessionVerdict(session: record, outcomes: outcomes, findings: findings)
    }

    private mutating func noteMissing(until sequence: SequenceNumber) {
        guard expected < sequence else { return }
        let last = SequenceNumber(sequence.value - 1)
        note(expected == last ? "sequence \(expected) is missing" : "sequences \(expected) to \(last) are missing")
        expected = sequence
    }

    private mutating func note(_ finding: String) {
        if findings.count < Self.longestList { findings.append(finding) } else { cut += 1 }
    }
}
