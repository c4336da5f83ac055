/// The parts of a URL.
package struct HTTPTarget {
    package let host: String
    package let port: String
    package let path: String
    /// Host and port, as they go into the request.
    package let authority: String

    package init?(_ url: String) {
        guard url.hasPrefix("http://"), !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { return nil }
        let rest = url.dropFirst(7).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        self.authority = String(authority)
        self.path = path.hasPrefix("/") ? String(path) : "/" + path
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            let after = authority[authority.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { return nil }
            port = after.isEmpty ? "80" : String(after.dropFirst())
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { return nil }
            host = String(parts[0])
            port = parts.count == 2 ? String(parts[1]) : "80"
        }
        guard !host.isEmpty, UInt16(port) != nil else { return nil }
    }
}

/// A whole answer, read.
package struct HTTPAnswer {
    package private(set) var status = 0
    package private(set) var fields: [String: String] = [:]
    package private(set) var body: ArraySlice<UInt8> = []

    init(_ bytes: [UInt8]) throws(TCPConnection.Problem) {
        guard let answer = Self(bytes: bytes) else {
            throw TCPConnection.Problem("what answers there is no HTTP server")
        }
        self = answer
    }

    /// Nil where it is none, or not whole.
    package init?(bytes: [UInt8]) {
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: [13, 10, 13, 10]) }) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        self.status = status
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            fields[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].trimmingPrefix { $0 == " " })
        }
        body = bytes[(end + 4)...]
        if fields["transfer-encoding"]?.lowercased() == "chunked" {
            guard let joined = Self.joined(chunks: body) else { return nil }
            body = joined[...]
        } else if let length = fields["content-length"].flatMap({ Int($0) }) {
            guard length >= 0, body.count >= length else { return nil }
            body = body.prefix(length)
        }
    }

    private static func joined(chunks: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = chunks
        while let end = rest.firstIndex(of: 13) {
            let word = String(decoding: rest[..<end], as: UTF8.self).prefix { $0 != ";" }
            guard let length = Int(word, radix: 16), length >= 0 else { return nil }
            if length == 0 { return result }
            rest = rest[end...].dropFirst(2)
            guard rest.count >= length else { return nil }
            result += rest.prefix(length)
            rest = rest.dropFirst(length).dropFirst(2)
        }
        return nil
    }
}
