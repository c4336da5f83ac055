import Messages
import Testing

@Suite struct InferSourceTests {
    @Test func readsEveryForm() throws {
        #expect(try InferSource("tcp://gpu1:5560") == .endpoint("tcp://gpu1:5560"))
        #expect(try InferSource("tcp://[::1]:5560") == .endpoint("tcp://[::1]:5560"))
        #expect(try InferSource("ipc:///run/infer") == .endpoint("ipc:///run/infer"))
        #expect(try InferSource("dns+tcp://infers:5560") == .name("infers", port: 5560))
        #expect(try InferSource("file:infers.txt") == .file("infers.txt"))
        #expect(try InferSource("file:/etc/posebus/infers") == .file("/etc/posebus/infers"))
        for text in ["tcp://gpu1:5560", "dns+tcp://infers.cameras.svc:5560", "file:a b"] {
            #expect(try InferSource(text).description == text)
        }
    }

    @Test(arguments: [
        "", "gpu1:5560", "tcp://gpu1", "tcp://gpu1:0", "tcp://gpu1:65536", "tcp://:5560", "tcp://a b:1",
        "tcp://::1:5560",
        "udp://gpu1:5560", "ipc://", "file:", "dns+tcp://infers", "dns+tcp://infers:*", "dns+udp://infers:5560",
        "tcp://gpu1/x:5560",
    ])
    func refusesEverythingElse(text: String) {
        let error = #expect(throws: InferSourceError.self) { try InferSource(text) }
        #expect(error?.description.contains("has to look like") == true || text == "file:")
    }

    @Test func readsAListWithComments() throws {
        let list = """
            # The machines under the stairs.
            tcp://gpu1:5560   # a 4090

              tcp://gpu2:5560\r
            tcp://gpu1:5560
            """
        #expect(try InferSource.endpoints(inList: list) == ["tcp://gpu1:5560", "tcp://gpu2:5560"])
    }

    @Test(arguments: [
        ("", "there is no infer in it"), ("# none\n", "there is no infer in it"),
        ("tcp://a:1\ngpu2\n", "line 2: gpu2 is no endpoint of an infer"),
        ("tcp://a:1 tcp://b:1", "line 1: there is more"),
        ("dns+tcp://a:1", "line 1: dns+tcp://a:1 is no endpoint"),
        ((0...64).map { "tcp://gpu\($0):1\n" }.joined(), "line 65: there are more than 64 infers"),
    ])
    func saysWhichLineOfAListIsWrong(text: String, why: String) {
        let error = #expect(throws: InferSourceError.self) { try InferSource.endpoints(inList: text) }
        #expect(error?.description.hasPrefix(why) == true, "\(error as Any)")
    }
}
