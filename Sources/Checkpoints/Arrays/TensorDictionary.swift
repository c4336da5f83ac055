/// The tensors of a file by their names, in the file's order.
public struct TensorDictionary: Sendable {
    /// Where a tensor comes from.
    enum Entry: Sendable {
        case stored(StoredArray)
        case pickled(PickleValue)
    }

    /// The file, for messages.
    public let fileName: String
    /// All names, in the file's order.
    public let names: [String]
    private let entries: [String: Entry]

    init(fileName: String, names: [String], entries: [String: Entry]) {
        self.fileName = fileName
        self.names = names
        self.entries = entries
    }

    /// Whether there is an entry of this name.
    public func contains(_ name: String) -> Bool { entries[name] != nil }

    /// One tensor.
    ///
    /// - Throws: `CheckpointError` where there is none of this name, or the entry is something else.
    public func array(_ name: String) throws(CheckpointError) -> StoredArray {
        switch entries[name] {
        case .stored(let array)?: return array
        case .pickled(let value)?: return try value.array()
        case nil:
            throw CheckpointError(
                file: fileName, .malformed, "there is no tensor \(name) among the \(names.count) in it")
        }
    }

    /// A tensor that must have a shape; nil stands for any size.
    ///
    /// - Throws: `CheckpointError` naming the tensor, its shape and the one that is expected.
    package func array(_ name: String, _ shape: [Int?]) throws(CheckpointError) -> StoredArray {
        let array = try array(name)
        guard array.shape.count == shape.count, zip(array.shape, shape).allSatisfy({ $1 == nil || $0 == $1 }) else {
            let expected = shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
            throw CheckpointError(
                file: fileName, .malformed,
                "the tensor \(name) has the shape \(array.shape) where [\(expected)] is expected")
        }
        return array
    }
}
