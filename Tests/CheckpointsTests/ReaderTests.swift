import Checkpoints
import Foundation
import Testing

/// Files that torch, NumPy, SciPy, chumpy and safetensors wrote; `make_fixtures.py` beside them made them and the
/// expected values.
private let folder = fixtures.appending(path: "../checkpoints").standardizedFileURL

private struct Expected: Decodable {
    let type: String
    let shape: [Int]
    let values: [Double]

    static let all: [String: [String: Expected]] = {
        do {
            return try JSONDecoder().decode(
                [String: [String: Expected]].self, from: Data(contentsOf: folder.appending(path: "expected.json")))
        } catch { preconditionFailure("the fixtures are missing: \(error)") }
    }()
}

/// An array by its path, whichever reader the file needs.
private func array(_ path: String, in file: MappedFile, named name: String) throws -> StoredArray {
    switch name.split(separator: ".").last {
    case "npy": return try NumpyFile(file).array
    case "npz": return try NumpyArchive(file).array(path)
    case "safetensors": return try SafetensorsFile(file).tensors.array(path)
    case "pkl":
        guard let value = try PickleFile(file).root[path] else {
            throw CheckpointError(file: name, .malformed, "there is no \(path)")
        }
        return try value.array()
    default:
        let isWrapped = path.hasPrefix("state_dict.")
        let dictionary = try TorchFile(file).stateDictionary(isWrapped ? "state_dict" : nil)
        return try dictionary.array(isWrapped ? String(path.dropFirst("state_dict.".count)) : path)
    }
}

@Suite("Readers of checkpoints")
struct ReaderTests {
    @Test("Every array comes out as the library that wrote it has it", arguments: Expected.all.keys.sorted())
    func values(_ name: String) throws {
        let file = try MappedFile(contentsOf: folder.appending(path: name))
        for (path, expected) in try #require(Expected.all[name]) {
            if path.hasSuffix(" dense") {
                let value = try #require(try PickleFile(file).root[String(path.dropLast(6))])
                let matrix = try value.sparse()
                #expect([matrix.rows, matrix.columns] == expected.shape)
                #expect(try matrix.dense() == expected.values)
                continue
            }
            let array = try array(path, in: file, named: name)
            #expect("\(array.elementType)" == expected.type, "\(path)")
            #expect(array.shape == expected.shape, "\(path)")
            #expect(try array.doubles() == expected.values, "\(path)")
        }
    }

    @Test("Plain values are read in every protocol", arguments: 0...5)
    func plainValues(_ protocolVersion: Int) throws {
        let root = try PickleFile(contentsOf: folder.appending(path: "numpy\(protocolVersion).pkl")).root
        let plain = try #require(root["plain"])
        #expect(plain["text"]?.string == "grün ✓")
        #expect(plain["number"]?.double == 1.5)
        #expect(plain["large"]?.integer == 1 << 62)
        #expect(plain["negative"]?.integer == -3)
        #expect(plain["huge"]?.integer == nil)
        #expect(plain["none"]?.isNone == true)
        #expect(plain["flag"]?.bool == true)
        #expect(plain["list"]?.elements?.last?.elements?.first?.integer == 3)
        #expect(plain["tuple"]?.elements?.last?.string == "two")
        #expect(plain["set"]?.elements?.map(\.integer) == [5])
        #expect(plain["bytes"]?.bytes?.withUnsafeBytes { Array($0) } == [0, 255])
        #expect(plain["ordered"]?["b"]?.integer == 2)
        #expect(try plain["scalar"]?.array().floats() == [0.25])
    }

    @Test("Python 2's text is Latin-1, with and without escapes", arguments: 0...2)
    func python2(_ protocolVersion: Int) throws {
        let root = try PickleFile(contentsOf: folder.appending(path: "python2_\(protocolVersion).pkl")).root
        #expect(root["plain"]?["latin"]?.string == "grün")
        #expect(root["plain"]?["escapes"]?.string == "'\"\\\n\t\u{0}\u{ff}")
        #expect(root["plain"]?["number"]?.integer == 7)
    }

    @Test(
        "A Lightning checkpoint's unknown classes are data with a name",
        arguments: ["lightning.ckpt", "lightning_legacy.ckpt"])
    func lightning(_ name: String) throws {
        let file = try TorchFile(contentsOf: folder.appending(path: name))
        #expect(file.root["epoch"]?.integer == 35)
        let node = try #require(file.root["hyper_parameters"]?["cfg"])
        #expect(node.className == "yacs.config.CfgNode")
        #expect(node["MODEL"]?["IMAGE_SIZE"]?.integer == 256)
        #expect(file.root["hyper_parameters"]?["omega"]?.className?.hasPrefix("omegaconf.") == true)
        let state = try file.stateDictionary("state_dict")
        #expect(state.names.count == 9)
        #expect(throws: CheckpointError.self) { try state.array("absent") }
        #expect(throws: CheckpointError.self) { try file.stateDictionary("absent") }
    }

    @Test("Tensors are views of the file where they lie row by row")
    func views() throws {
        let state = try TorchFile(contentsOf: folder.appending(path: "torch.pt")).stateDictionary()
        let weight = try state.array("weight").contiguousBytes()
        #expect(weight.file.name.hasSuffix("torch.pt") && weight.file.count > weight.count)
        let transposed = try state.array("transposed")
        #expect(!transposed.isContiguous && transposed.strides == [1, 6])
        #expect(try state.array("repeated").strides == [0, 1])
    }

    @Test("What a pickle would run is named, and nothing is run")
    func attack() throws {
        let root = try PickleFile(contentsOf: folder.appending(path: "attack.pkl")).root
        let value = try #require(root["v_template"])
        #expect(value.className == "posix.system")
        let error = #expect(throws: CheckpointError.self) { try value.array() }
        #expect(error?.message.contains("posix.system, which is not executed") == true)
        let state = try TorchFile(contentsOf: folder.appending(path: "attack.ckpt")).stateDictionary("state_dict")
        #expect(throws: CheckpointError.self) { try state.array("weight") }
        #expect(!FileManager.default.fileExists(atPath: "executed-by-a-pickle"))
    }

    @Test("The metadata of safetensors is read")
    func metadata() throws {
        #expect(
            try SafetensorsFile(contentsOf: folder.appending(path: "tensors.safetensors")).metadata == ["format": "pt"])
    }
}

@Suite("Damaged checkpoints")
struct DamagedCheckpointTests {
    static let names: [String] = Expected.all.keys.sorted() + ["attack.pkl", "attack.ckpt"]

    /// Reads everything that can be read; what is refused must be refused by an error.
    private func readAll(_ bytes: [UInt8], as name: String) {
        let file = MappedFile(copying: bytes, name: name)
        for path in (Expected.all[name] ?? [:]).keys {
            _ = try? array(path, in: file, named: name).doubles()
            if path.hasSuffix(" dense") { _ = try? PickleFile(file).root["J_regressor"]?.sparse().dense() }
        }
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing was refused"
        } catch { return "\(error)" }
    }

    @Test("Cut off anywhere, a file is refused or still whole", arguments: names)
    func truncation(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
        for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 100)) {
            readAll(Array(bytes.prefix(length)), as: name)
        }
    }

    @Test("Any byte may be anything", arguments: names)
    func flips(_ name: String) throws {
        let whole = [UInt8](try Data(contentsOf: folder.appending(path: name)))
        var random = SplitMix(state: 11)
        for _ in 0..<200 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!
            }
            readAll(bytes, as: name)
        }
    }

    @Test("A million lists in each other are data, and no stack overflows")
    func depth() throws {
        let depth = 1 << 20
        let bytes =
            [UInt8](repeating: UInt8(ascii: "]"), count: depth)
            + [UInt8](repeating: UInt8(ascii: "a"), count: depth - 1) + [UInt8(ascii: ".")]
        let root = try PickleFile(MappedFile(copying: bytes, name: "deep")).root
        #expect(root.elements?.count == 1)
        #expect(message { _ = try root.array() }.contains("is a list where an array is expected"))
    }

    @Test("A list may hold itself")
    func cycle() throws {
        let root = try PickleFile(MappedFile(copying: Array("]q\u{0}h\u{0}a.".utf8), name: "cycle")).root
        #expect(root.elements?.first?.elements?.first?.elements?.count == 1)
    }

    @Test(
        "What cannot be is refused with its reason",
        arguments: [
            ("K", "cut off"), ("X\u{7f}\u{7f}\u{7f}\u{7f}", "beyond the end"), (".", "stack is empty"),
            ("h\u{1}.", "refers to value 1"), ("K\u{1}K\u{2}a.", "no list"), ("t.", "mark is missing"),
            ("\u{1}", "no instruction"), ("\u{5}\u{6}", "no instruction"), ("Inine\n.", "is no integer"),
        ])
    func nonsense(_ bytes: String, _ reason: String) {
        #expect(message { _ = try PickleFile(MappedFile(copying: Array(bytes.utf8), name: "x")) }.contains(reason))
    }

    @Test("A tensor that reaches beyond its storage is refused when the file is opened")
    func outside() {
        let error = message { _ = try TorchFile(contentsOf: folder.appending(path: "torch_outside.pt")) }
        #expect(
            error.contains("torch_outside.pt") && error.contains("reaches to element 251 of a storage that holds 251"))
    }

    @Test("A tensor without elements may claim to be anywhere")
    func emptyOutside() throws {
        let file = try TorchFile(contentsOf: folder.appending(path: "torch_empty_outside.pt"))
        let array = try file.stateDictionary(nil).array("weight")
        #expect(array.shape == [0] && array.count == 0)
        #expect(try array.floats().isEmpty && array.contiguousBytes().count == 0)
    }

    @Test("Files of another kind are told apart")
    func otherKinds() {
        let text = MappedFile(copying: Array("not a checkpoint".utf8), name: "text")
        #expect(message { _ = try TorchFile(text) }.contains("no file of torch.save"))
        #expect(message { _ = try NumpyArchive(text) }.contains("no whole zip archive"))
        #expect(message { _ = try SafetensorsFile(text) }.contains("no safetensors file"))
        let archive = folder.appending(path: "stored.npz")
        #expect(message { _ = try TorchFile(contentsOf: archive) }.contains("without data.pkl"))
    }

    @Test("A member that claims to unpack to more than it can is refused before memory is taken")
    func bomb() throws {
        var bytes = [UInt8](try Data(contentsOf: folder.appending(path: "deflated.npz")))
        let entry = try #require(bytes.lastRange(of: [0x50, 0x4b, 1, 2], before: bytes.count))
        func set(_ size: UInt32, at offset: Int) {
            withUnsafeBytes(of: size.littleEndian) {
                bytes.replaceSubrange((entry + offset)..<(entry + offset + 4), with: $0)
            }
        }
        let name = try #require(NumpyArchive(MappedFile(copying: bytes, name: "x")).names.last)
        set(0x7000_0000, at: 24)
        let tooLarge = message { _ = try NumpyArchive(MappedFile(copying: bytes, name: "x")).array(name) }
        #expect(tooLarge.contains("more than any published file has"))
        set(0x3000_0000, at: 24)
        let tooDense = message { _ = try NumpyArchive(MappedFile(copying: bytes, name: "x")).array(name) }
        #expect(tooDense.contains("cannot unpack to"))
        set(200, at: 24)
        let another = message { _ = try NumpyArchive(MappedFile(copying: bytes, name: "x")).array(name) }
        #expect(another.contains("does not unpack to the 200 bytes"))
    }

    @Test("Two members that share bytes are refused")
    func overlap() throws {
        var bytes = [UInt8](try Data(contentsOf: folder.appending(path: "deflated.npz")))
        let last = try #require(bytes.lastRange(of: [0x50, 0x4b, 1, 2], before: bytes.count))
        let other = try #require(bytes.lastRange(of: [0x50, 0x4b, 1, 2], before: last))
        // The last one's place and sizes become the other's.
        bytes.replaceSubrange((last + 20)..<(last + 28), with: bytes[(other + 20)..<(other + 28)])
        bytes.replaceSubrange((last + 42)..<(last + 46), with: bytes[(other + 42)..<(other + 46)])
        #expect(message { _ = try NumpyArchive(MappedFile(copying: bytes, name: "x")) }.contains("overlaps another"))
    }

    @Test(
        "A changed byte in a deflated or stored array is found by its checksum",
        arguments: ["stored.npz", "deflated.npz"])
    func checksum(_ name: String) throws {
        var bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
        let names = try NumpyArchive(MappedFile(copying: bytes, name: name)).names
        bytes[60] ^= 0x55
        let archive = try NumpyArchive(MappedFile(copying: bytes, name: name))
        #expect(message { _ = try archive.array(names[0]) }.contains("is damaged"))
    }
}

extension [UInt8] {
    /// The last place before `end` at which `pattern` begins.
    fileprivate func lastRange(of pattern: [UInt8], before end: Int) -> Int? {
        (0...(end - pattern.count)).last {
            $0 + pattern.count <= end && Array(self[$0..<($0 + pattern.count)]) == pattern
        }
    }
}
