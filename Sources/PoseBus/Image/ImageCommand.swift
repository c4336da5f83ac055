internal import ArgumentParser
internal import Foundation
internal import Stage

/// `posebus image`: becomes `posebus-image`, which alone links what runs models.
struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Find the poses in still images; one JSON object a line.",
        discussion: "`posebus image --help` says the rest.")

    @Argument(parsing: .captureForPassthrough, help: "Image files and options.")
    var arguments: [String] = []

    func run() throws {
        try becomeImageProgram(["image"] + arguments)
    }
}

/// Goes on as `posebus-image`, which alone links what runs models.
func becomeImageProgram(_ arguments: [String]) throws -> Never {
    do {
        let program = try Sibling.url(of: "posebus-image").path
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, &words)
        throw StageFailure("\(program): \(String(cString: strerror(errno)))", exitCode: .failure)
    } catch let failure as StageFailure {
        printError("posebus \(arguments[0]): \(failure)")
        throw failure.exitCode
    }
}
