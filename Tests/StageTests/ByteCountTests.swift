import Stage
import Testing

@Suite("Numbers of bytes as people write them")
struct ByteCountTests {
    @Test(
        arguments: [
            ("0", 0), ("4096", 4096), ("1k", 1024), ("500M", 500 << 20), ("2g", 2 << 30), ("3T", 3 << 40),
            ("9223372036854775807", Int64.max),
        ] as [(String, Int64)])
    func read(_ text: String, _ bytes: Int64) {
        #expect(ByteCount(argument: text)?.bytes == bytes)
    }

    @Test(arguments: ["", "k", "-1", "-1k", "1.5G", "2GB", "2 G", "G2", "9223372036854775808", "9007199254740992k"])
    func refused(_ text: String) {
        #expect(ByteCount(argument: text) == nil)
    }

    @Test("What is passed on to a stage means the same there", arguments: [0, 1, 1023, 1024, 1025, 20 << 20, 1 << 40])
    func passedOn(_ bytes: Int64) {
        #expect(ByteCount(argument: ByteCount(bytes: bytes).description)?.bytes == bytes)
    }
}
