import Exports
import Foundation
import Testing

@Suite("Files")
struct FileTests {
    @Test("A file takes its name only once it is whole")
    func whole() throws {
        let scratch = try Scratch()
        do {
            let file = try ExportFile(scratch.file("a.txt"))
            try file.write("half")
            #expect(try !scratch.names().contains("a.txt"))
        }
        #expect(try scratch.names().isEmpty)
        let file = try ExportFile(scratch.file("a.txt"))
        try file.write(line: "whole")
        #expect(file.count == 6)
        try file.close()
        #expect(try String(contentsOf: scratch.file("a.txt"), encoding: .utf8) == "whole\n")
        #expect(try scratch.names() == ["a.txt"])
    }

    @Test("A place that cannot be written to is named with the system's reason")
    func refused() {
        let error = #expect(throws: ExportError.self) {
            try ExportFile(URL(fileURLWithPath: "/proc/nothing/a.txt"))
        }
        #expect(error?.kind == .inputOutput)
        #expect(error?.description.contains("/proc/nothing/a.txt cannot be written: No such file") == true)
    }
}
