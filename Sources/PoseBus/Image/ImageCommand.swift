internal import ArgumentParser
internal import Foundation
internal import Stage

/// `posebus image`: hands its arguments to `posebus-image`, which links libtorch so that this program need not.
struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Find the poses in still images; one JSON object a line.",
        discussion: "posebus image --help shows its options.")

    @Argument(parsing: .captureForPassthrough, help: "Image files and options.")
    var arguments: [String] = []

    func run() throws {
        let program = try StageProcess.executable("posebus-image").path
        var arguments: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, &arguments)
        // Only a failure returns.
        throw StageFailure("\(program) could not be started: \(String(cString: strerror(errno)))", exitCode: .failure)
    }
}
