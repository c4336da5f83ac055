internal import ArgumentParser
internal import Foundation
internal import Stage

/// The executables that belong to `posebus` and lie beside it.
enum Sibling {
    /// Where an executable lies.
    ///
    /// - Throws: `StageFailure` where it is not there.
    static func url(of name: String) throws -> URL {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let url = own.deletingLastPathComponent().appendingPathComponent(name)
        guard FileManager.default.isExecutableFile(atPath: url.path) else {
            throw StageFailure(
                "\(url.path) is missing: posebus starts the programs that lie beside it. Build them with swift build",
                exitCode: .configuration)
        }
        return url
    }
}
