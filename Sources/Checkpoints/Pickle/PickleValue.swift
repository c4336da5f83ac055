/// One value in a pickle, as data.
///
/// Nothing of a pickle is ever executed: what Python would build by calling something is a known kind of data (arrays,
/// tensors, dictionaries) or an opaque object that only has a name.
public struct PickleValue: Sendable {
    let heap: PickleHeap
    let place: Int
    /// How it is reached from the pickle's root, for messages.
    public let path: String

    private var node: PickleNode { heap.nodes[place] }

    private func at(_ place: Int, _ step: String) -> PickleValue {
        PickleValue(heap: heap, place: place, path: path.isEmpty ? step : "\(path).\(step)")
    }

    /// True for Python's None.
    public var isNone: Bool { if case .none = node { true } else { false } }
    /// A truth value.
    public var bool: Bool? { if case .bool(let value) = node { value } else { nil } }
    /// An integer of at most 64 bits.
    public var integer: Int? { if case .integer(let value) = node { value } else { nil } }
    /// A number.
    public var double: Double? {
        switch node {
        case .float(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
    /// Text; Python 2's `str` is read as Latin-1.
    public var string: String? { node.string }
    /// Bytes, or Python 2's `str`.
    public var bytes: FileSlice? { node.rawBytes }

    /// The elements of a list, tuple or set.
    public var elements: [PickleValue]? {
        switch node {
        case .list(let places), .tuple(let places), .set(let places):
            places.enumerated().map { at($1, String($0)) }
        case .opaque(let object) where !object.elements.isEmpty:
            object.elements.enumerated().map { at($1, String($0)) }
        default: nil
        }
    }

    /// The entries of a dictionary, or of an opaque object that is one; later ones replace earlier ones of equal keys.
    public var entries: [(key: PickleValue, value: PickleValue)]? {
        let places: [Int]
        switch node {
        case .dictionary(let entries): places = entries
        case .opaque(let object) where !object.entries.isEmpty: places = object.entries
        default: return nil
        }
        return stride(from: 0, to: places.count, by: 2).map { index in
            let key = heap.nodes[places[index]]
            return (at(places[index], "key"), at(places[index + 1], key.string ?? String(index / 2)))
        }
    }

    /// The value of a dictionary's last entry of this key.
    public subscript(key: String) -> PickleValue? {
        let places: [Int]
        switch node {
        case .dictionary(let entries): places = entries
        case .opaque(let object): places = object.entries
        default: return nil
        }
        for index in stride(from: places.count - 2, through: 0, by: -2)
        where heap.nodes[places[index]].string == key {
            return at(places[index + 1], key)
        }
        return nil
    }

    /// The full name of the class or function of an object that is not built.
    public var className: String? { if case .opaque(let object) = node { object.global } else { nil } }

    /// What an object that is not built was given as its state: for most, a dictionary of its attributes.
    public var state: PickleValue? {
        guard case .opaque(let object) = node, let state = object.state else { return nil }
        return at(state, "state")
    }

    /// What it is, in words, for messages.
    public var kind: String {
        switch node {
        case .none: "None"
        case .bool: "a truth value"
        case .integer, .bigInteger: "an integer"
        case .float: "a number"
        case .text: "text"
        case .byteString, .bytes: "bytes"
        case .list: "a list"
        case .tuple: "a tuple"
        case .set: "a set"
        case .dictionary: "a dictionary"
        case .global(let name): "the class or function \(name)"
        case .numpyType: "a NumPy type"
        case .pendingArray: "an unfinished array"
        case .array, .tensor: "an array"
        case .storage: "a storage"
        case .opaque(let object): "an object of \(object.global), which is not executed"
        }
    }

    /// An error that this value is not what is needed.
    func unexpected(_ expected: String) -> CheckpointError {
        let place = path.isEmpty ? "its content" : path
        return CheckpointError(file: heap.fileName, .malformed, "\(place) is \(kind) where \(expected) is expected")
    }
}

extension PickleNode {
    var string: String? {
        switch self {
        case .text(let value): value
        case .byteString(let slice):
            slice.withUnsafeBytes { bytes in
                String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
            }
        default: nil
        }
    }

    var rawBytes: FileSlice? {
        switch self {
        case .bytes(let slice), .byteString(let slice): slice
        default: nil
        }
    }
}
