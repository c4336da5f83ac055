package import Messages

/// Chooses the infer of a stream by rendezvous hashing (Thaler and Ravishankar 1998): every ingest chooses the same one
/// without talking to the others, and when one infer goes only its own streams move.
///
/// - Returns: the index of the chosen endpoint, or nil where there is none.
package func rendezvous(_ stream: StreamName, among endpoints: [String]) -> Int? {
    endpoints.indices.max { left, right in
        let scores = (score(stream, endpoints[left]), score(stream, endpoints[right]))
        return scores.0 == scores.1 ? endpoints[left] < endpoints[right] : scores.0 < scores.1
    }
}

/// FNV-1a over endpoint and stream with MurmurHash3's finaliser: the same on every machine, unlike Swift's `Hasher`.
private func score(_ stream: StreamName, _ endpoint: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    endpoint.utf8.forEach(add)
    add(0)
    stream.description.utf8.forEach(add)
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return hash ^ (hash >> 33)
}
