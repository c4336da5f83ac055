/// The format of torch before 1.6: five pickles one after another, then the storages' bytes.
///
/// Source: PyTorch `torch/serialization.py`, `_legacy_save` and `_legacy_load`.
enum LegacyTorchFile {
    /// A pickle of the number 0x1950a86a20f9469cfc6c.
    static let magic: [UInt8] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]

    static func read(_ file: MappedFile) throws(CheckpointError) -> PickleValue {
        guard file.withUnsafeBytes({ $0.starts(with: magic) }) else {
            throw CheckpointError(
                file: file.name, .malformed, "it is no file of torch.save: neither a zip archive nor the older format")
        }
        var position = magic.count
        func next() throws(CheckpointError) -> PickleMachine {
            let (machine, length) = try PickleMachine.run(FileSlice(file: file, range: position..<file.count))
            position += length
            return machine
        }
        let version = try next()
        guard version.value("").integer == 1001 else {
            throw CheckpointError(file: file.name, .unsupported, "its format's version is not 1001")
        }
        let system = try next()
        guard system.value("")["little_endian"]?.bool != false else {
            throw CheckpointError(file: file.name, .unsupported, "its tensors are stored in big-endian order")
        }
        let content = try next()
        let list = try next().value("storage keys")
        guard let keys = list.elements else { throw list.unexpected("a list of storage keys") }
        let references = Dictionary(content.storages.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var storages: [String: FileSlice] = [:]
        for key in keys {
            guard let key = key.string, let reference = references[key] else {
                throw CheckpointError(file: file.name, .malformed, "it lists a storage that no tensor lies in")
            }
            guard file.count - position >= 8 else {
                throw CheckpointError(file: file.name, .malformed, "it ends before its storage \(key): it is cut off")
            }
            let count = file.withUnsafeBytes {
                Int64(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Int64.self))
            }
            position += 8
            let size = reference.elementType?.byteCount ?? 1
            guard count >= 0, count <= (file.count - position) / size else {
                throw CheckpointError(
                    file: file.name, .malformed,
                    "its storage \(key) of \(count) elements reaches beyond the end: it "
                        + "is cut off or damaged")
            }
            storages[key] = FileSlice(file: file, range: position..<(position + Int(count) * size))
            position += Int(count) * size
        }
        return PickleValue(
            heap: PickleHeap(fileName: file.name, nodes: content.nodes, storages: storages), place: content.root,
            path: "")
    }
}

extension PickleMachine {
    /// What it has read, where it holds no tensors.
    fileprivate func value(_ path: String) -> PickleValue {
        PickleValue(
            heap: PickleHeap(fileName: source.file.name, nodes: nodes, storages: [:]), place: root, path: path)
    }
}
