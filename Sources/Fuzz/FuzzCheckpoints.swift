internal import Checkpoints

// Files of weights. Whatever can be read of one is read: an array that is let through must lie within the file.

func fuzzPickle(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    guard let pickle = try? PickleFile(MappedFile(copying: bytes, name: "fuzz")) else { return 0 }
    read(pickle.root, depth: 3)
    return 0
}

func fuzzTorch(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    guard let file = try? TorchFile(MappedFile(copying: bytes, name: "fuzz")) else { return 0 }
    for key in [nil, "state_dict"] {
        guard let state = try? file.stateDictionary(key) else { continue }
        for name in state.names.prefix(20) { read(try? state.array(name)) }
    }
    return 0
}

/// Both an array and an archive of them: what is neither is refused at once.
func fuzzNumpy(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    let file = MappedFile(copying: bytes, name: "fuzz")
    read(try? NumpyFile(file).array)
    guard let archive = try? NumpyArchive(file) else { return 0 }
    for name in archive.names.prefix(20) { read(try? archive.array(name)) }
    return 0
}

func fuzzSafetensors(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    guard let file = try? SafetensorsFile(MappedFile(copying: bytes, name: "fuzz")) else { return 0 }
    for name in file.tensors.names.prefix(20) { read(try? file.tensors.array(name)) }
    return 0
}

private func read(_ value: PickleValue, depth: Int) {
    _ = (value.string, value.integer, value.double, value.kind)
    read(try? value.array())
    if let matrix = try? value.sparse(), matrix.rows < 1000, matrix.columns < 1000 { _ = try? matrix.dense() }
    guard depth > 0 else { return }
    for element in value.elements?.prefix(20) ?? [] { read(element, depth: depth - 1) }
    for entry in value.entries?.prefix(20) ?? [] { read(entry.value, depth: depth - 1) }
}

private func read(_ array: StoredArray?) {
    // A view that repeats its elements may be large without being wrong.
    guard let array, array.count <= 1 << 16 else { return }
    _ = try? array.doubles()
    _ = try? array.integers()
}
