/// Writes Python objects as a pickle of protocol 3, which every Python 3 reads: dictionaries, lists, texts, numbers, None
/// and NumPy arrays. Nothing in it is memoised but what arrays share, so it can be written piece by piece.
///
/// Source: CPython, `Lib/pickletools.py`; NumPy, `ndarray.__reduce__` and `dtype.__reduce__`.
struct PickleWriter {
    private(set) var bytes: [UInt8] = []
    private var memo: [String: UInt8] = [:]

    /// Hands out what has been written so far.
    mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    /// The protocol's number: the first of the file.
    mutating func begin() { bytes += [0x80, 3] }

    /// The end of the file.
    mutating func end() { bytes.append(UInt8(ascii: ".")) }

    /// An empty dictionary; `entry` puts something into it.
    mutating func dictionary() { bytes.append(UInt8(ascii: "}")) }

    /// Puts one entry into the dictionary written last: its key, then what `value` writes.
    mutating func entry(_ key: String, _ value: (inout PickleWriter) throws -> Void) rethrows {
        text(key)
        try value(&self)
        bytes.append(UInt8(ascii: "s"))
    }

    /// A list.
    mutating func list<Element>(_ elements: [Element], _ value: (inout PickleWriter, Element) -> Void) {
        bytes.append(UInt8(ascii: "]"))
        guard !elements.isEmpty else { return }
        bytes.append(UInt8(ascii: "("))
        for element in elements { value(&self, element) }
        bytes.append(UInt8(ascii: "e"))
    }

    mutating func none() { bytes.append(UInt8(ascii: "N")) }

    mutating func bool(_ value: Bool) { bytes.append(value ? 0x88 : 0x89) }

    mutating func integer(_ value: Int) {
        switch value {
        case 0...0xFF: bytes += [UInt8(ascii: "K"), UInt8(value)]
        case Int(Int32.min)...Int(Int32.max):
            bytes.append(UInt8(ascii: "J"))
            bytes.append(littleEndian: Int32(value))
        default:
            bytes += [0x8a, 8]
            bytes.append(littleEndian: Int64(value))
        }
    }

    mutating func float(_ value: Double) {
        bytes.append(UInt8(ascii: "G"))
        withUnsafeBytes(of: value.bitPattern.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func text(_ value: String) {
        let utf8 = Array(value.utf8)
        bytes.append(UInt8(ascii: "X"))
        bytes.append(littleEndian: UInt32(utf8.count))
        bytes += utf8
    }

    /// An array of 32-bit floats, C order.
    mutating func array(_ values: [Float], _ shape: [Int]) {
        precondition(values.count == shape.reduce(1, *))
        remembered("reconstruct") { $0.global("numpy.core.multiarray", "_reconstruct") }
        bytes.append(UInt8(ascii: "("))
        remembered("ndarray") { $0.global("numpy", "ndarray") }
        tuple([0])
        data([UInt8(ascii: "b")])
        bytes += [UInt8(ascii: "t"), UInt8(ascii: "R")]
        // What it is filled with: version, shape, type, whether in Fortran's order, bytes.
        bytes.append(UInt8(ascii: "("))
        integer(1)
        tuple(shape)
        remembered("float32") { $0.float32() }
        bool(false)
        var content: [UInt8] = []
        content.reserveCapacity(4 * values.count)
        for value in values { content.append(float: value) }
        data(content)
        bytes += [UInt8(ascii: "t"), UInt8(ascii: "b")]
    }

    private mutating func float32() {
        global("numpy", "dtype")
        bytes.append(UInt8(ascii: "("))
        text("f4")
        bool(false)
        bool(true)
        bytes += [UInt8(ascii: "t"), UInt8(ascii: "R"), UInt8(ascii: "(")]
        integer(3)
        text("<")
        for _ in 0..<3 { none() }
        integer(-1)
        integer(-1)
        integer(0)
        bytes += [UInt8(ascii: "t"), UInt8(ascii: "b")]
    }

    private mutating func global(_ module: String, _ name: String) {
        bytes += [UInt8(ascii: "c")] + Array("\(module)\n\(name)\n".utf8)
    }

    private mutating func tuple(_ values: [Int]) {
        bytes.append(UInt8(ascii: "("))
        for value in values { integer(value) }
        bytes.append(UInt8(ascii: "t"))
    }

    private mutating func data(_ content: [UInt8]) {
        bytes.append(UInt8(ascii: "B"))
        bytes.append(littleEndian: UInt32(content.count))
        bytes += content
    }

    /// Writes something once, and refers to it from then on.
    private mutating func remembered(_ name: String, _ write: (inout PickleWriter) -> Void) {
        if let place = memo[name] {
            bytes += [UInt8(ascii: "h"), place]
            return
        }
        write(&self)
        let place = UInt8(memo.count)
        memo[name] = place
        bytes += [UInt8(ascii: "q"), place]
    }
}
