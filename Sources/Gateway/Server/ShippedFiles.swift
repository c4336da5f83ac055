internal import Foundation

/// The files that come with the program: looked for beside it, so that an unpacked archive works wherever it lies, and in the
/// clone it was built in, so that a changed page is there at the next reload.
///
///     PREFIX/bin/posebus-gateway  PREFIX/share/posebus/viewer  PREFIX/share/posebus/client
///     CLONE/.build/…/posebus-gateway  CLONE/Sources/Gateway/Viewer  CLONE/clients/javascript
struct ShippedFiles {
    /// The folder of the viewer's pages, and that of `posebus.js`; nil where they are not to be found.
    let viewer: URL?
    let client: URL?
    /// The folder of three.js, which a clone takes from the system; nil where it does not come with the program.
    let three: URL?

    /// Looks from the program upwards.
    init(program: URL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()) {
        func find(_ places: String..., having file: String) -> URL? {
            var folder = program.deletingLastPathComponent()
            // .build/TRIPLE/release lies three levels below the clone.
            for _ in 0..<4 {
                for place in places {
                    let candidate = folder.appending(path: place, directoryHint: .isDirectory)
                    if FileManager.default.fileExists(atPath: candidate.appending(path: file).path) { return candidate }
                }
                folder.deleteLastPathComponent()
            }
            return nil
        }
        viewer = find("share/posebus/viewer", "Sources/Gateway/Viewer", having: "index.html")
        client = find("share/posebus/client", "clients/javascript", having: "posebus.js")
        three = find("share/posebus/three", having: "build/three.module.js")
    }
}
