extension PickleValue {
    /// A dense array: NumPy's, torch's, or the values of a chumpy array.
    ///
    /// - Throws: `CheckpointError` that says what is there instead.
    public func array() throws(CheckpointError) -> StoredArray {
        switch heap.nodes[place] {
        case .array(let array): return array.named(path)
        case .tensor(let tensor): return try array(of: tensor)
        case .opaque(let object) where object.global.hasPrefix("chumpy."): return try chumpyArray(object)
        default: throw unexpected("an array")
        }
    }

    /// A sparse matrix of SciPy's: csc or csr.
    ///
    /// - Throws: `CheckpointError` that says what is there instead.
    public func sparse() throws(CheckpointError) -> SparseMatrix {
        let formats: [String: SparseMatrix.Format] = [
            "csc_matrix": .csc, "csr_matrix": .csr, "csc_array": .csc, "csr_array": .csr,
        ]
        guard let name = className, name.hasPrefix("scipy.sparse."),
            let format = formats[String(name.split(separator: ".").last ?? "")], let state,
            let shape = (state["_shape"] ?? state["shape"])?.elements?.compactMap(\.integer), shape.count == 2,
            let data = state["data"], let indices = state["indices"], let pointers = state["indptr"]
        else { throw unexpected("a sparse matrix") }
        return SparseMatrix(
            rows: shape[0], columns: shape[1], format: format, data: try data.array(), indices: try indices.array(),
            pointers: try pointers.array())
    }

    private func array(of tensor: TorchTensorReference) throws(CheckpointError) -> StoredArray {
        guard let storage = heap.storages[tensor.storage.key] else {
            throw CheckpointError(
                file: heap.fileName, .malformed,
                "the tensor \(path) lies in the storage \(tensor.storage.key), which is not in the file")
        }
        return try StoredArray(
            name: path, elementType: tensor.elementType, shape: tensor.shape, strides: tensor.strides,
            storage: storage, offset: tensor.offset)
    }

    /// The values of a chumpy array. `Ch` holds them as `x`; `Select` picks entries of another, which is how the
    /// published SMPL files cut their shape directions.
    /// Source: chumpy 0.70, `ch.py` (`Ch.__getstate__`) and `reordering.py` (`Select.compute_r`).
    private func chumpyArray(_ object: OpaqueObject) throws(CheckpointError) -> StoredArray {
        guard let state else { throw unexpected("a chumpy array with values") }
        if let values = state["x"] { return try values.chumpyLeaf() }
        guard object.global == "chumpy.reordering.Select", let source = state["a"], let picks = state["idxs"] else {
            throw unexpected("a chumpy array with values")
        }
        let whole = try source.chumpyLeaf()
        let chosen = try picks.array().integers()
        guard chosen.allSatisfy({ $0 >= 0 && $0 < whole.count }) else {
            throw unexpected("a selection within its \(whole.count) values")
        }
        let size = whole.elementType.byteCount
        let bytes = try whole.contiguousBytes()
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, chosen.count * size), alignment: 16)
        bytes.withUnsafeBytes { source in
            for (index, choice) in chosen.enumerated() {
                UnsafeMutableRawBufferPointer(rebasing: copy[(index * size)..<((index + 1) * size)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[(choice * size)..<((choice + 1) * size)]))
            }
        }
        let file = MappedFile(owning: copy, name: heap.fileName)
        let shape = state["preferred_shape"]?.elements?.compactMap(\.integer) ?? [chosen.count]
        guard StoredArray.elements(of: shape) == chosen.count else { throw unexpected("\(chosen.count) values") }
        return try StoredArray(
            name: path, elementType: whole.elementType, shape: shape,
            storage: FileSlice(file: file, range: 0..<(chosen.count * size)))
    }

    /// The values of an array or of a chumpy array that holds one; a chumpy array in a chumpy array is looked into once.
    private func chumpyLeaf() throws(CheckpointError) -> StoredArray {
        if let state, className?.hasPrefix("chumpy.") == true, let values = state["x"] {
            guard values.className == nil else { throw values.unexpected("an array") }
            return try values.array()
        }
        guard className == nil else { throw unexpected("an array") }
        return try array()
    }
}
