public import Foundation

/// The tensors of a `.safetensors` file, as views of it.
///
/// Source: huggingface/safetensors, README.md, "Format".
public struct SafetensorsFile: Sendable {
    /// All tensors by name, sorted.
    public let tensors: TensorDictionary
    /// What the header's `__metadata__` says.
    public let metadata: [String: String]

    /// The format's own limit.
    static let longestHeader = 100_000_000

    /// Reads a file's header.
    ///
    /// - Throws: `CheckpointError` where it cannot be opened, is no such file or is damaged.
    public init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(MappedFile(contentsOf: url))
    }

    /// Reads bytes.
    ///
    /// - Throws: `CheckpointError` where they are no such file or damaged.
    public init(_ file: MappedFile) throws(CheckpointError) {
        func refused(_ reason: String) -> CheckpointError { CheckpointError(file: file.name, .malformed, reason) }
        let json = try file.withUnsafeBytes { bytes throws(CheckpointError) -> Data in
            guard bytes.count >= 8 else { throw refused("it is no safetensors file: it is cut off") }
            let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            guard length <= UInt64(bytes.count - 8), length <= UInt64(Self.longestHeader) else {
                throw refused("it is no safetensors file, or cut off: its header would take \(length) bytes")
            }
            return Data(bytes[8..<(8 + Int(length))])
        }
        let header: [String: Entry]
        do {
            header = try JSONDecoder().decode([String: Entry].self, from: json)
        } catch {
            throw refused("its header cannot be read: \(error)")
        }
        let data = FileSlice(file: file, range: (8 + json.count)..<file.count)
        var metadata: [String: String] = [:]
        var entries: [String: TensorDictionary.Entry] = [:]
        for (name, entry) in header {
            switch entry {
            case .metadata(let words): metadata.merge(words) { first, _ in first }
            case .tensor(let tensor): entries[name] = .stored(try tensor.array(name, in: data))
            }
        }
        self.metadata = metadata
        tensors = TensorDictionary(fileName: file.name, names: entries.keys.sorted(), entries: entries)
    }

    private enum Entry: Decodable {
        case metadata([String: String])
        case tensor(Tensor)

        init(from decoder: any Decoder) throws {
            if decoder.codingPath.last?.stringValue == "__metadata__" {
                self = .metadata(try [String: String](from: decoder))
            } else {
                self = .tensor(try Tensor(from: decoder))
            }
        }
    }

    private struct Tensor: Decodable {
        let dtype: String
        let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype
            case shape
            case offsets = "data_offsets"
        }

        static let types: [String: ElementType] = [
            "F64": .float64, "F32": .float32, "F16": .float16, "BF16": .bfloat16, "I64": .int64, "I32": .int32,
            "I16": .int16, "I8": .int8, "U64": .uint64, "U32": .uint32, "U16": .uint16, "U8": .uint8, "BOOL": .bool,
        ]

        func array(_ name: String, in data: FileSlice) throws(CheckpointError) -> StoredArray {
            guard let type = Self.types[dtype] else {
                throw CheckpointError(file: data.file.name, .unsupported, "the tensor \(name) is of type \(dtype)")
            }
            guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= data.count,
                let count = StoredArray.elements(of: shape), count * type.byteCount == offsets[1] - offsets[0]
            else {
                throw CheckpointError(
                    file: data.file.name, .malformed,
                    "the tensor \(name) of shape \(shape) does not fit the bytes "
                        + "\(offsets) of the \(data.count) in the file")
            }
            let start = data.range.lowerBound
            return try StoredArray(
                name: name, elementType: type, shape: shape,
                storage: FileSlice(file: data.file, range: (start + offsets[0])..<(start + offsets[1])))
        }
    }
}
