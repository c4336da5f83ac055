package import Foundation
internal import Glibc

/// What a configuration file says, key by key, before anybody asks what the keys mean.
package struct SettingsFile: Sendable {
    /// A value, where it stands and what is written there.
    package struct Scalar: Sendable, Equatable {
        package let text: String
        /// Without quotes, `~`, `null` and nothing at all mean that there is no value.
        package let isQuoted: Bool
        package let place: Place

        var isNothing: Bool { !isQuoted && ["", "~", "null", "Null", "NULL"].contains(text) }
    }

    package enum Value: Sendable, Equatable {
        case scalar(Scalar)
        case list([Scalar])
        /// What no setting has: a mapping, or a list of something else than values.
        case unfit(Place, String)

        var place: Place? {
            switch self {
            case .scalar(let scalar): scalar.place
            case .list(let scalars): scalars.first?.place
            case .unfit(let place, _): place
            }
        }
    }

    /// One key with its value.
    package struct Entry: Sendable, Equatable {
        /// The section it stands in; nil at the top.
        package let section: StageKind?
        package let key: String
        package let value: Value
        package let place: Place

        var name: String { section.map { "\($0.rawValue).\(key)" } ?? key }
    }

    /// As messages name it.
    package let path: String
    /// The folder that relative paths in it start from.
    package let folder: URL
    package let entries: [Entry]
    /// The sections it has, empty ones too.
    package let sections: [StageKind: Place]
    /// What is wrong with it whatever the keys mean.
    package let mistakes: [Mistake]

    /// The largest file that is read; the documented file of everything has some 20 kB.
    package static let maxBytes = 256 << 10

    /// Reads a file.
    ///
    /// - Parameter path: as somebody gave it; messages cite it so.
    /// - Throws: `Mistakes` where nothing of it can be used.
    package init(path: String) throws(Mistakes) {
        do throws(Mistake) {
            try self.init(Self.text(of: path), path: path)
        } catch {
            throw Mistakes(all: [error])
        }
    }

    /// Reads the text of a file that lies at `path`.
    package init(_ text: String, path: String) {
        self.path = path
        folder = URL(filePath: path).absoluteURL.standardized.deletingLastPathComponent()
        var reader = SettingsFileReader(path: path)
        reader.read(text)
        entries = reader.entries
        sections = reader.sections
        mistakes = reader.mistakes
    }

    /// A bounded look at what lies at the path.
    private static func text(of path: String) throws(Mistake) -> String {
        func mistake(_ text: String) -> Mistake { Mistake(.file(path), text) }
        // A FIFO without a writer would hold up whoever opens it.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            let isAbsent = errno == ENOENT
            let reason =
                isAbsent
                ? "there is no such file; `posebus config example` prints one" : String(cString: strerror(errno))
            throw mistake("cannot be read: \(reason)")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw mistake("cannot be read: \(String(cString: strerror(errno)))") }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw mistake("is a folder; name the file in it, such as \(path)/posebus.yaml")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw mistake("is no regular file") }
        var bytes = [UInt8](repeating: 0, count: maxBytes + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + count, $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw mistake("cannot be read: \(String(cString: strerror(errno)))") }
            if got == 0 { break }
            count += got
        }
        guard count <= maxBytes else {
            throw mistake("is larger than \(maxBytes >> 10) kB; is it the right file?")
        }
        bytes.removeLast(bytes.count - count)
        // Editors of other systems put it there; it means nothing in UTF-8.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let valid = validPrefix(of: bytes)
            let line = valid.count { $0 == UInt8(ascii: "\n") } + 1
            throw Mistake(
                .line(file: path, line: line, column: valid.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1),
                "a byte that is no UTF-8; save the file as UTF-8")
        }
        return text
    }

    /// What comes before the first byte that is no UTF-8.
    private static func validPrefix(of bytes: [UInt8]) -> ArraySlice<UInt8> {
        var iterator = bytes.makeIterator()
        var decoder = UTF8()
        var count = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { count += UTF8.width(scalar) }
        return bytes.prefix(count)
    }
}
