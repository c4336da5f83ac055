internal import Glibc
internal import Messages

/// Asks the system's resolver for the addresses of a name. It may take as long as the resolver's own time limits.
///
/// A name that has addresses of both kinds stands for machines that have both, so only one kind counts: IPv4, and IPv6 where
/// there is no other. Which kind that is does not depend on a resolver that answers half of the question: a failure is no
/// answer.
///
/// - Returns: endpoints with the addresses as numbers, in order, each once.
/// - Throws: `InferSourceError` with the resolver's words.
@Sendable func lookUp(_ host: String, port: Int) throws(InferSourceError) -> [String] {
    do throws(LookupFailure) {
        do throws(LookupFailure) {
            return try addresses(of: host, family: AF_INET).map { "tcp://\($0):\(port)" }
        } catch {
            guard error.meansNoAddress else { throw error }
            return try addresses(of: host, family: AF_INET6).map { "tcp://[\($0)]:\(port)" }
        }
    } catch {
        throw InferSourceError("\(host) cannot be resolved (\(error.description))")
    }
}

private struct LookupFailure: Error {
    let code: Int32
    let errorNumber: Int32

    /// The name is known to have no address of the kind that was asked for; the others say that nobody could tell.
    var meansNoAddress: Bool { ![EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_SYSTEM].contains(code) }

    var description: String {
        code == EAI_SYSTEM ? String(cString: strerror(errorNumber)) : String(cString: gai_strerror(code))
    }
}

private func addresses(of host: String, family: Int32) throws(LookupFailure) -> [String] {
    var hints = addrinfo()
    hints.ai_family = family
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &first)
    guard code == 0 else { throw LookupFailure(code: code, errorNumber: errno) }
    defer { freeaddrinfo(first) }
    var found: Set<String> = []
    var next = first
    while let entry = next?.pointee {
        next = entry.ai_next
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard
            getnameinfo(
                entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        else { continue }
        found.insert(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    guard !found.isEmpty else { throw LookupFailure(code: EAI_NONAME, errorNumber: 0) }
    return found.sorted()
}
