internal import Foundation

extension ImageSource {
    /// The images of a folder (not of folders in it), in natural order.
    static func images(inFolder folder: String) throws(FrameSourceError) -> [String] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw FrameSourceError("the folder \(folder) cannot be read: \(error.localizedDescription)")
        }
        let images = names.filter {
            !$0.hasPrefix(".") && extensions.contains(($0 as NSString).pathExtension.lowercased())
        }
        guard !images.isEmpty else {
            throw FrameSourceError(
                "the folder \(folder) holds no images (\(extensions.sorted().joined(separator: ", ")))")
        }
        return images.sorted(by: naturallyBefore).map { (folder as NSString).appendingPathComponent($0) }
    }

    /// The files that a pattern with `*`, `?` or `[…]` matches, in natural order.
    static func images(matching pattern: String) throws(FrameSourceError) -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, GLOB_NOSORT, nil, &result) == 0, let found = result.gl_pathv else {
            throw FrameSourceError("no file matches \(pattern)")
        }
        let paths = (0..<Int(result.gl_pathc)).compactMap { found[$0].map { String(cString: $0) } }
        let images = paths.filter { extensions.contains(($0 as NSString).pathExtension.lowercased()) }
        guard !images.isEmpty else {
            throw FrameSourceError("none of the \(paths.count) files of \(pattern) is an image")
        }
        return images.sorted(by: naturallyBefore)
    }

    /// Orders `frame2` before `frame10`: runs of digits compare as numbers of any length.
    static func naturallyBefore(_ left: String, _ right: String) -> Bool {
        var (a, b) = (Array(left.utf8)[...], Array(right.utf8)[...])
        while let x = a.first, let y = b.first {
            if isDigit(x), isDigit(y) {
                let (first, second) = (takeNumber(&a), takeNumber(&b))
                if first.count != second.count { return first.count < second.count }
                if first != second { return first.lexicographicallyPrecedes(second) }
            } else {
                if x != y { return x < y }
                a.removeFirst()
                b.removeFirst()
            }
        }
        if a.isEmpty, b.isEmpty { return left < right }  // only leading zeros differ
        return a.isEmpty
    }

    private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

    /// Removes a run of digits and returns it without its leading zeros.
    private static func takeNumber(_ text: inout ArraySlice<UInt8>) -> [UInt8] {
        let digits = text.prefix(while: isDigit)
        text = text.dropFirst(digits.count)
        return Array(digits.drop { $0 == 0x30 })
    }
}
