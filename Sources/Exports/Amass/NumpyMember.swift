/// Arrays as members of a NumPy archive (`.npz`), C order, little-endian, none of them pickled.
///
/// Source: NumPy, "numpy.lib.format", version 1.0.
extension ZipFile {
    /// What the elements are.
    enum NumpyType: String {
        case double = "<f8"
        case int64 = "<i8"
        case bool = "|b1"
    }

    /// Writes one array.
    ///
    /// - Parameter content: writes every element.
    func add(array name: String, _ type: NumpyType, _ shape: [Int], _ content: () throws -> Void) throws {
        try add("\(name).npy") { archive in
            try archive.write(Self.numpyHeader(type.rawValue, shape))
            try content()
        }
    }

    /// Writes an array of numbers.
    func add(array name: String, _ shape: [Int], _ values: [Double]) throws {
        try add(array: name, .double, shape) {
            var bytes: [UInt8] = []
            for value in values { bytes.append(double: value) }
            try write(bytes)
        }
    }

    /// Writes a single text.
    func add(array name: String, text: String) throws {
        let scalars = Array(text.unicodeScalars)
        var bytes = Self.numpyHeader("<U\(scalars.count)", [])
        for scalar in scalars { bytes.append(littleEndian: scalar.value) }
        try add("\(name).npy", bytes: bytes)
    }

    static func numpyHeader(_ type: String, _ shape: [Int]) -> [UInt8] {
        let axes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(axes)), }"
        // Magic, version, length and text end at a multiple of 64.
        let padding = 63 - (10 + text.utf8.count) % 64
        text += String(repeating: " ", count: padding) + "\n"
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
        bytes.append(littleEndian: UInt16(text.utf8.count))
        return bytes + Array(text.utf8)
    }
}
