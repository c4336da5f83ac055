public import Foundation

/// What a `.npy` file holds, where it may be an array of Python objects, which NumPy stores as a pickle.
public enum NumpyContent: Sendable {
    /// Numbers.
    case numbers(StoredArray)
    /// The objects, row by row. As everywhere, nothing of their pickle is executed.
    case objects([PickleValue])

    /// Reads a file.
    ///
    /// - Throws: `CheckpointError` where it cannot be opened, is no such file or is damaged.
    public init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(MappedFile(contentsOf: url))
    }

    /// Reads bytes.
    ///
    /// - Throws: `CheckpointError` where they are no such file or damaged.
    public init(_ file: MappedFile) throws(CheckpointError) {
        let (header, content) = try NumpyFile.parts(of: file.slice, name: "it")
        guard ["|O", "O"].contains(header.type) else {
            self = .numbers(try NumpyFile(file).array)
            return
        }
        let (machine, _) = try PickleMachine.run(content)
        let root = PickleValue(
            heap: PickleHeap(fileName: file.name, nodes: machine.nodes, storages: [:]), place: machine.root, path: "")
        // Source: NumPy `methods.c`, `array_reduce`: version, shape, type, order, and a list in place of bytes.
        guard let state = root.state?.elements, state.count == 5, let objects = state[4].elements else {
            throw root.unexpected("an array of objects")
        }
        self = .objects(objects)
    }
}
