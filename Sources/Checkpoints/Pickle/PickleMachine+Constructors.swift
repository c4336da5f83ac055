// The allow-list: what a pickle may "call", and what data that stands for. Everything else is an `OpaqueObject`.
extension PickleMachine {
    /// Records what calling `callee` with the tuple `arguments` would give.
    mutating func construct(_ callee: Int, _ arguments: Int) throws(CheckpointError) {
        guard case .global(let name) = nodes[callee] else {
            // Such as a method of an object that was not built.
            try push(.opaque(OpaqueObject(global: "an object that was not built", arguments: arguments)))
            return
        }
        guard case .tuple(let values) = nodes[arguments] else {
            throw damaged("\(name) is given something other than a tuple")
        }
        try push(try result(of: name, values) ?? .opaque(OpaqueObject(global: name, arguments: arguments)))
    }

    private mutating func result(of name: String, _ values: [Int]) throws(CheckpointError) -> PickleNode? {
        switch name {
        case "collections.OrderedDict", "builtins.dict": return values.isEmpty ? .dictionary([]) : dictionary(values[0])
        case "collections.defaultdict": return .dictionary([])
        case "builtins.set", "builtins.frozenset": return .set(elements(values.first))
        case "builtins.list": return .list(elements(values.first))
        case "builtins.tuple", "torch.Size": return .tuple(elements(values.first))
        case "builtins.bytearray", "builtins.bytes":
            guard let first = values.first else { return .bytes(MappedFile(copying: [], name: source.file.name).slice) }
            if let bytes = nodes[first].rawBytes { return .bytes(bytes) }
            return try latin1(first).map { .bytes($0) }
        case "_codecs.encode":
            return try values.first.flatMap { place throws(CheckpointError) in try latin1(place) }.map { .bytes($0) }
        // An object of a class without arguments: its name is what is known of it.
        case "copyreg._reconstructor", "copyreg.__newobj__":
            guard let first = values.first, case .global(let name) = nodes[first] else { return nil }
            return .opaque(OpaqueObject(global: name))
        case "numpy.dtype": return try numpyType(values)
        case "numpy.core.multiarray._reconstruct": return .pendingArray
        case "numpy.core.multiarray.scalar": return try numpyScalar(values)
        case "numpy.core.numeric._frombuffer": return try numpyBuffer(values)
        case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor": return try tensor(values, type: nil)
        case "torch._utils._rebuild_tensor_v3":
            guard values.count >= 7, case .global(let type) = nodes[values[6]] else { return nil }
            return try tensor(values, type: TorchNames.elementTypes[type])
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
            guard let data = values.first, case .tensor = nodes[data] else { return nil }
            return nodes[data]
        default: return nil
        }
    }

    private func elements(_ place: Int?) -> [Int] {
        guard let place else { return [] }
        switch nodes[place] {
        case .list(let elements), .tuple(let elements), .set(let elements): return elements
        default: return []
        }
    }

    /// A dictionary of a list of pairs, as Python 2's OrderedDict is written.
    private func dictionary(_ place: Int) -> PickleNode? {
        if case .dictionary = nodes[place] { return nodes[place] }
        var entries: [Int] = []
        for pair in elements(place) {
            let values = elements(pair)
            guard values.count == 2 else { return nil }
            entries += values
        }
        return .dictionary(entries)
    }

    /// Bytes that Python 3 wrote as text for older protocols.
    private func latin1(_ place: Int) throws(CheckpointError) -> FileSlice? {
        guard case .text(let text) = nodes[place] else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard scalar.value < 256 else { throw damaged("bytes are written with a character beyond Latin-1") }
            bytes.append(UInt8(scalar.value))
        }
        return MappedFile(copying: bytes, name: source.file.name).slice
    }

    // MARK: - State

    /// Records what giving `state` to an object would do.
    mutating func build(_ place: Int, _ state: Int) throws(CheckpointError) {
        switch nodes[place] {
        case .opaque(var object):
            object.state = state
            nodes[place] = .opaque(object)
        case .pendingArray: nodes[place] = try numpyArray(state)
        case .numpyType(let type): nodes[place] = .numpyType(try completed(type, state))
        // Attributes of dictionaries and tensors, such as a state dictionary's `_metadata`: nothing needs them.
        default: break
        }
    }

    // MARK: - NumPy
    // Source: NumPy `numpy/_core/src/multiarray/methods.c` (`array_setstate`), `descriptor.c`
    // (`arraydescr_setstate`), `numpy/_core/numeric.py` (`_frombuffer`).

    private func numpyType(_ values: [Int]) throws(CheckpointError) -> PickleNode? {
        guard let first = values.first, let text = nodes[first].string else { return nil }
        return NumpyType(text).map { .numpyType($0) }
    }

    private func completed(_ type: NumpyType, _ state: Int) throws(CheckpointError) -> NumpyType {
        let values = elements(state)
        guard values.count >= 2, let order = nodes[values[1]].string else { throw damaged("a NumPy type has no order") }
        return NumpyType(elementType: type.elementType, isBigEndian: order == ">")
    }

    private func numpyArray(_ state: Int) throws(CheckpointError) -> PickleNode {
        let values = elements(state)
        // Arrays of objects hold a list and their type is no number's: data that nothing reads.
        guard values.count == 5, case .numpyType(let type) = nodes[values[2]], let bytes = nodes[values[4]].rawBytes
        else { return .opaque(OpaqueObject(global: "numpy.ndarray of objects", state: state)) }
        return try array(
            type: type, shape: try integers(values[1]), isFortran: nodes[values[3]].isTrue, bytes: bytes)
    }

    private func numpyScalar(_ values: [Int]) throws(CheckpointError) -> PickleNode? {
        guard values.count == 2, case .numpyType(let type) = nodes[values[0]], let bytes = nodes[values[1]].rawBytes
        else { return nil }
        return try array(type: type, shape: [], isFortran: false, bytes: bytes)
    }

    private func numpyBuffer(_ values: [Int]) throws(CheckpointError) -> PickleNode? {
        guard values.count == 4, let bytes = nodes[values[0]].rawBytes, case .numpyType(let type) = nodes[values[1]]
        else { return nil }
        return try array(
            type: type, shape: try integers(values[2]), isFortran: nodes[values[3]].string == "F", bytes: bytes)
    }

    private func array(
        type: NumpyType, shape: [Int], isFortran: Bool, bytes: FileSlice
    ) throws(CheckpointError) -> PickleNode {
        .array(try type.array(name: "at byte \(position)", shape: shape, isFortran: isFortran, storage: bytes))
    }

    private func integers(_ place: Int) throws(CheckpointError) -> [Int] {
        var result: [Int] = []
        for element in elements(place) {
            guard case .integer(let value) = nodes[element] else { throw damaged("a shape is not made of integers") }
            result.append(value)
        }
        return result
    }

    // MARK: - torch
    // Source: PyTorch `torch/_utils.py` (`_rebuild_*`), `torch/serialization.py` (`persistent_id`).

    private mutating func tensor(_ values: [Int], type: ElementType?) throws(CheckpointError) -> PickleNode? {
        guard values.count >= 4, case .storage(let storage) = nodes[values[0]],
            case .integer(let offset) = nodes[values[1]], let type = type ?? storage.elementType
        else { return nil }
        return .tensor(
            TorchTensorReference(
                storage: storage, elementType: type, offset: offset, shape: try integers(values[2]),
                strides: try integers(values[3])))
    }

    /// Records a reference to something outside the pickle: torch's storages.
    mutating func refer(to identifier: Int, isOnStack: Bool) throws(CheckpointError) {
        if isOnStack { _ = try pop() }
        let values = elements(identifier)
        guard values.count >= 5, nodes[values[0]].string == "storage", case .global(let type) = nodes[values[1]],
            let key = nodes[values[2]].string, case .integer(let count) = nodes[values[4]], count >= 0
        else {
            try push(.opaque(OpaqueObject(global: "something outside the pickle", arguments: identifier)))
            return
        }
        if values.count > 5, case .none = nodes[values[5]] {
        } else if values.count > 5 {
            throw CheckpointError(
                file: source.file.name, .unsupported,
                "its storage \(key) is a view of another, as torch before 0.4 "
                    + "wrote; load and save it with a newer torch")
        }
        let name = String(type.split(separator: ".").last ?? "")
        let reference = TorchStorageReference(key: key, elementType: TorchNames.storages[name], count: count)
        guard reference.elementType != nil || name == "UntypedStorage" else {
            throw CheckpointError(file: source.file.name, .unsupported, "its storage \(key) is a \(type)")
        }
        storages.append(reference)
        try push(.storage(reference))
    }
}

extension PickleNode {
    fileprivate var isTrue: Bool {
        switch self {
        case .bool(let value): value
        case .integer(let value): value != 0
        default: false
        }
    }
}
