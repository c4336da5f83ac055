public import Foundation

/// A file that is one pickle, such as SMPL's: protocols 0 to 5, of Python 2 and 3.
public struct PickleFile: Sendable {
    /// What it holds.
    public let root: PickleValue

    /// Reads a file.
    ///
    /// - Throws: `CheckpointError` where it cannot be opened or is no pickle.
    public init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(MappedFile(contentsOf: url))
    }

    /// Reads bytes.
    ///
    /// - Throws: `CheckpointError` where they are no pickle.
    public init(_ file: MappedFile) throws(CheckpointError) {
        let (machine, _) = try PickleMachine.run(file.slice)
        root = PickleValue(
            heap: PickleHeap(fileName: file.name, nodes: machine.nodes, storages: [:]), place: machine.root, path: "")
    }
}
