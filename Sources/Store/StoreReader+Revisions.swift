internal import Foundation
internal import GRDB
public import Messages

extension StoreReader {
    /// The complete revisions of a session, the oldest first; none in a file of a release that knew none.
    public func revisions(of id: SessionID) throws(StoreError) -> [RevisionRecord] {
        try translatingErrors(of: path) {
            try reading { db in
                guard try db.tableExists("revisions") else { return [] }
                let rows = try Row.fetchAll(
                    db,
                    sql: """
                        SELECT number, revisions.next_sequence, made_ns, options, summary, revisions.id
                        FROM revisions JOIN sessions ON sessions.id = revisions.session
                        WHERE sessions.uuid = ? AND summary IS NOT NULL ORDER BY number
                        """, arguments: [Data(id.bytes)])
                return rows.map { row in
                    RevisionRecord(
                        session: id, number: row[0], next: SequenceNumber(row[1]), made: Timestamp(nanoseconds: row[2]),
                        options: row[3], summary: row[4], row: row[5])
                }
            }
        }
    }

    /// Checks a session's complete revisions: each has a body for every pose below its mark and for nothing else, which can
    /// be read, is of that frame, and turns no drop into a pose.
    ///
    /// - Returns: how many revisions there are, and what is wrong, one sentence each; a long list is cut.
    func checkRevisions(ofSessionInRow row: Int64, _ session: SessionRecord, in db: Database) throws -> (Int, [String])
    {
        guard try db.tableExists("revisions") else { return (0, []) }
        let revisions = try Row.fetchAll(
            db,
            sql:
                "SELECT id, number, next_sequence FROM revisions WHERE session = ? AND summary IS NOT NULL ORDER BY number",
            arguments: [row])
        var findings: [String] = []
        var cut = 0
        for revision in revisions {
            let id: Int64 = revision[0]
            let name = "revision \(revision[1] as Int)"
            let next: Int64 = revision[2]
            func note(_ finding: String) {
                if findings.count < 20 { findings.append("\(name): \(finding)") } else { cut += 1 }
            }
            if next > Int64(clamping: session.next.value) {
                note("it reaches to \(next), further than the session")
            }
            let missing = try Int64.fetchAll(
                db,
                sql: """
                    SELECT sequence FROM outcomes WHERE session = ? AND sequence < ? AND drop_reason IS NULL
                    EXCEPT SELECT sequence FROM refined WHERE revision = ? ORDER BY 1 LIMIT 21
                    """, arguments: [row, next, id])
            for sequence in missing { note("the pose of sequence \(sequence) is missing") }
            let bodies = try Row.fetchCursor(
                db,
                sql: """
                    SELECT r.sequence, r.persons, r.body, o.sequence IS NOT NULL, o.drop_reason, o.capture_time_ns
                    FROM refined AS r LEFT JOIN outcomes AS o ON o.session = ? AND o.sequence = r.sequence
                    WHERE r.revision = ? ORDER BY r.sequence
                    """, arguments: [row, id])
            while let body = try bodies.next() {
                if let finding = finding(body, session, below: next) { note(finding) }
            }
        }
        if cut > 0 { findings.append("and \(cut) more of its revisions") }
        return (revisions.count, findings)
    }

    private func finding(_ row: Row, _ session: SessionRecord, below next: Int64) -> String? {
        let sequence: Int64 = row[0]
        guard row[3] as Bool, sequence < next else { return "sequence \(sequence) is none that was refined" }
        if row[4] as String? != nil { return "sequence \(sequence) was dropped, and has a pose here" }
        let outcome: Outcome
        do throws(WireError) {
            outcome = try Outcome(wire: [UInt8](row[2] as Data))
        } catch {
            return "sequence \(sequence): its body cannot be read: \(error)"
        }
        let frame = outcome.frame
        guard frame.session == session.session, frame.stream == session.stream,
            Int64(clamping: frame.sequence.value) == sequence, frame.captureTime.nanoseconds == row[5],
            outcome.drop == nil, outcome.observedPersons == row[1]
        else { return "sequence \(sequence): its body is of something else" }
        return nil
    }
}
