package import Foundation

/// Where weight files are kept unless an option says otherwise.
package enum ModelsFolder {
    /// `$POSEBUS_MODELS`, else `posebus/models` in the user's data folder (XDG Base Directory Specification).
    package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> URL {
        if let folder = environment["POSEBUS_MODELS"], !folder.isEmpty {
            return URL(fileURLWithPath: folder, isDirectory: true)
        }
        let data: URL
        if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") {
            data = URL(fileURLWithPath: folder, isDirectory: true)
        } else {
            data = URL(fileURLWithPath: environment["HOME"] ?? NSHomeDirectory(), isDirectory: true)
                .appendingPathComponent(".local/share", isDirectory: true)
        }
        return data.appendingPathComponent("posebus/models", isDirectory: true)
    }
}
