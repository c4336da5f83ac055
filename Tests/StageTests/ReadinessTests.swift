import Stage
import Testing

struct ReadinessTests {
    @Test func `the ready line is read back`() throws {
        let readiness = Readiness(
            stage: "posebus-sink", endpoints: [("outcomes", "tcp://127.0.0.1:5570"), ("results", "ipc:///tmp/a=b")])
        #expect(
            readiness.line == "posebus-sink ready outcomes=tcp://127.0.0.1:5570 results=ipc:///tmp/a=b")
        let read = try #require(Readiness(line: readiness.line))
        #expect(read == readiness)
        #expect(read["results"] == "ipc:///tmp/a=b")
        #expect(read["absent"] == nil)
    }

    @Test(arguments: ["", "posebus-sink", "posebus-sink is ready", "loading models"])
    func `other lines are no ready line`(_ line: String) {
        #expect(Readiness(line: line) == nil)
    }
}
