internal import CSHA256
internal import Checkpoints
internal import Testing

@Suite struct SHA256Tests {
    /// The examples of FIPS 180-4 (NIST's "Secure Hash Standard" test vectors).
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func digestsThePublishedExamples(text: String, expected: String) {
        #expect(Array(text.utf8).withUnsafeBytes { SHA256.hexDigest(of: $0) } == expected)
    }

    @Test func piecesDigestLikeTheWhole() {
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        #expect(million.withUnsafeBytes { SHA256.hexDigest(of: $0) } == expected)
        var hash = SHA256()
        var start = 0
        var length = 1
        while start < million.count {
            let end = min(start + length, million.count)
            million[start..<end].withUnsafeBytes { hash.update($0) }
            start = end
            length = length % 200 + 7
        }
        #expect(hash.hexDigest() == expected)
    }

    @Test func theProcessorsInstructionsComputeWhatTheyStandFor() {
        var generator = SystemRandomNumberGenerator()
        for count in [1, 2, 3, 17] {
            let bytes = (0..<(64 * count)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var state = (0..<8).map { _ in UInt32.random(in: 0...UInt32.max, using: &generator) }
            var portable = state
            csha256_blocks(&state, bytes, count)
            csha256_blocks_portable(&portable, bytes, count)
            #expect(state == portable)
        }
    }
}
