/// Everything that one pickle holds. Values refer to each other by their place in `nodes`, so that a pickle may share,
/// nest a million deep or contain itself without anything here recursing over it or keeping itself alive.
final class PickleHeap: Sendable {
    /// The file, for messages.
    let fileName: String
    let nodes: [PickleNode]
    /// The bytes of torch's storages by their keys.
    let storages: [String: FileSlice]

    init(fileName: String, nodes: [PickleNode], storages: [String: FileSlice]) {
        self.fileName = fileName
        self.nodes = nodes
        self.storages = storages
    }
}

/// One value; whole numbers in it are places of other values.
enum PickleNode: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer that does not fit 64 bits; nothing that is read here needs one.
    case bigInteger
    case float(Double)
    case text(String)
    /// Python 2's `str`: text or bytes, as the reader finds.
    case byteString(FileSlice)
    case bytes(FileSlice)
    case list([Int])
    case tuple([Int])
    case set([Int])
    /// Keys and values in turns.
    case dictionary([Int])
    /// A class or function by its full name, in Python 3's spelling. Nothing is looked up.
    case global(String)
    case numpyType(NumpyType)
    /// `numpy.ndarray` before its state.
    case pendingArray
    case array(StoredArray)
    case storage(TorchStorageReference)
    case tensor(TorchTensorReference)
    /// An object of a class, or the result of a function, that is not known: data about it, never the thing itself.
    case opaque(OpaqueObject)
}

/// What a pickle says about an object that is not built.
struct OpaqueObject: Sendable {
    /// The class's or function's full name.
    var global: String
    var arguments: Int?
    var state: Int?
    /// Keys and values in turns, of dictionaries' subclasses.
    var entries: [Int] = []
    /// Of lists' subclasses.
    var elements: [Int] = []
}

/// A torch storage that a pickle refers to by its key.
struct TorchStorageReference: Sendable {
    let key: String
    /// nil for untyped storages, whose tensors bring the type.
    let elementType: ElementType?
    /// In elements, or in bytes where untyped.
    let count: Int
}

/// A torch tensor: a view of a storage.
struct TorchTensorReference: Sendable {
    let storage: TorchStorageReference
    let elementType: ElementType
    let offset: Int
    let shape: [Int]
    let strides: [Int]
}
