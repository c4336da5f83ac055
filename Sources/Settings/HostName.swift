internal import Foundation
internal import Glibc

/// What `Host` and `Origin` may say.
package enum HostName {
    /// Whether an address is this machine's own.
    package static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host.hasPrefix("127.") && isAddress(host) || host == "::1"
    }

    /// Whether it is an address in numbers: those cannot be made to mean another machine, as a name can.
    package static func isAddress(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
    }

    /// The host in the value of a `Host` header, without its port and in small letters; nil where it is none.
    package static func host(of field: some StringProtocol) -> String? {
        if field.hasPrefix("[") {
            guard let end = field.firstIndex(of: "]") else { return nil }
            return String(field[field.index(after: field.startIndex)..<end]).lowercased()
        }
        let parts = field.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2,
            parts.dropFirst().allSatisfy({ UInt16($0) != nil })
        else { return nil }
        return host.lowercased()
    }
}

/// Where a page came from, as browsers say it.
package enum Origin {
    /// Whether it is written as browsers write it.
    package static func isValid(_ origin: String) -> Bool {
        guard let url = URL(string: origin), let scheme = url.scheme, url.host() != nil else { return false }
        return ["http", "https"].contains(scheme) && url.path.isEmpty && url.query == nil && url.user == nil
    }

    /// Whether a page from this origin was served under this `Host`.
    package static func isSame(_ origin: String, host: String?) -> Bool {
        guard let host, let separator = origin.range(of: "://") else { return false }
        return origin[separator.upperBound...].lowercased() == host.lowercased()
    }
}
