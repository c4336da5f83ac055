public import Foundation

/// A file that `torch.save` wrote: zip archives (torch 1.6 and later) and the format before them.
///
/// Tensors are views of the mapped file. Source: PyTorch `torch/serialization.py`.
public struct TorchFile: Sendable {
    /// What was saved.
    public let root: PickleValue

    /// Reads a file's structure; no tensor's bytes are touched.
    ///
    /// - Throws: `CheckpointError` where it cannot be opened, is no such file or is damaged.
    public init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(MappedFile(contentsOf: url))
    }

    /// Reads bytes.
    ///
    /// - Throws: `CheckpointError` where they are no such file or damaged.
    public init(_ file: MappedFile) throws(CheckpointError) {
        let isZip = file.withUnsafeBytes { $0.starts(with: [0x50, 0x4b, 3, 4]) }
        root = isZip ? try Self.zipped(file) : try LegacyTorchFile.read(file)
        try Self.checkTensors(root.heap)
    }

    /// A state dictionary: the root itself, or the dictionary under `key`, which is `state_dict` in Lightning's files.
    ///
    /// - Throws: `CheckpointError` where there is no dictionary.
    public func stateDictionary(_ key: String? = nil) throws(CheckpointError) -> TensorDictionary {
        var value = root
        if let key {
            guard let inner = root[key] else {
                throw CheckpointError(file: root.heap.fileName, .malformed, "it holds no \(key): \(root.kind)")
            }
            value = inner
        }
        guard let entries = value.entries else { throw value.unexpected("a dictionary of tensors") }
        var names: [String] = []
        var tensors: [String: TensorDictionary.Entry] = [:]
        for (key, tensor) in entries {
            guard let name = key.string else { throw key.unexpected("a name") }
            if tensors.updateValue(.pickled(tensor), forKey: name) == nil { names.append(name) }
        }
        return TensorDictionary(fileName: root.heap.fileName, names: names, entries: tensors)
    }

    private static func zipped(_ file: MappedFile) throws(CheckpointError) -> PickleValue {
        let archive = try ZipArchive(file)
        // All members lie in a folder that is named after the file as it was saved.
        guard let member = archive.members.first(where: { $0.name.hasSuffix("/data.pkl") || $0.name == "data.pkl" })
        else {
            throw CheckpointError(
                file: file.name, .malformed, "it is a zip archive without data.pkl, so torch.save did not write it")
        }
        let folder = member.name.dropLast("data.pkl".count)
        if let order = archive["\(folder)byteorder"] {
            let bytes = try archive.contents(of: order, isChecked: true)
            guard bytes.withUnsafeBytes({ $0.starts(with: Array("little".utf8)) }) else {
                throw CheckpointError(file: file.name, .unsupported, "its tensors are stored in big-endian order")
            }
        }
        let (machine, _) = try PickleMachine.run(try archive.contents(of: member, isChecked: true))
        var storages: [String: FileSlice] = [:]
        for reference in machine.storages where storages[reference.key] == nil {
            guard let data = archive["\(folder)data/\(reference.key)"] else {
                throw CheckpointError(
                    file: file.name, .malformed, "its storage \(reference.key) is missing from the archive")
            }
            let bytes = try archive.contents(of: data)
            try check(reference, bytes)
            storages[reference.key] = bytes
        }
        return PickleValue(
            heap: PickleHeap(fileName: file.name, nodes: machine.nodes, storages: storages), place: machine.root,
            path: "")
    }

    /// A storage must have the bytes that its elements need.
    static func check(_ reference: TorchStorageReference, _ bytes: FileSlice) throws(CheckpointError) {
        let size = reference.elementType?.byteCount ?? 1
        guard reference.count <= bytes.count / size else {
            throw CheckpointError(
                file: bytes.file.name, .malformed,
                "its storage \(reference.key) has \(bytes.count) bytes for \(reference.count) elements of \(size)")
        }
    }

    /// Every tensor is looked up once, so that damage is found when a file is opened and not in the middle of its use.
    private static func checkTensors(_ heap: PickleHeap) throws(CheckpointError) {
        for (place, node) in heap.nodes.enumerated() {
            guard case .tensor = node else { continue }
            _ = try PickleValue(heap: heap, place: place, path: "tensor \(place)").array()
        }
    }
}
