/// A zip archive whose members are looked up by name; stored members are views of the file.
///
/// Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14–16 (ends).
struct ZipArchive: Sendable {
    /// One member, as the central directory describes it.
    struct Member: Sendable {
        let name: String
        let isDeflated: Bool
        let crc: UInt32
        /// The bytes as they are in the file.
        let packed: Range<Int>
        /// The number of bytes once unpacked.
        let size: Int
    }

    let file: MappedFile
    /// In the directory's order.
    let members: [Member]
    private let places: [String: Int]

    /// Ten times the members of the largest checkpoint known.
    static let mostMembers = 100_000
    /// The most that one member may unpack to: a hundred times the largest file that is published compressed.
    static let largestMember = 1 << 30
    /// Deflate cannot do better than 1,032:1.
    static let largestRatio = 1_032

    /// Reads the directory.
    ///
    /// - Throws: `CheckpointError` where it contradicts the file or asks for what only a bomb would.
    init(_ file: MappedFile) throws(CheckpointError) {
        self.file = file
        members = try file.withUnsafeBytes { bytes throws(CheckpointError) in
            var reader = ZipDirectoryReader(bytes: bytes, name: file.name)
            return try reader.members()
        }
        var places: [String: Int] = [:]
        for (index, member) in members.enumerated() {
            guard places.updateValue(index, forKey: member.name) == nil else {
                throw CheckpointError(file: file.name, .malformed, "the archive holds \(member.name) twice")
            }
        }
        self.places = places
        // Members that share bytes make a small file unpack to any size.
        var end = 0
        for member in members.sorted(by: { $0.packed.lowerBound < $1.packed.lowerBound }) where !member.packed.isEmpty {
            guard member.packed.lowerBound >= end else {
                throw CheckpointError(file: file.name, .malformed, "the member \(member.name) overlaps another")
            }
            end = member.packed.upperBound
        }
    }

    /// The member of a name.
    subscript(name: String) -> Member? { places[name].map { members[$0] } }

    /// A member's bytes: a view of the file where it is stored, unpacked and checked by its CRC where it is deflated.
    ///
    /// - Parameter isChecked: whether the CRC of a stored member is checked as well, which reads all of it.
    func contents(of member: Member, isChecked: Bool = false) throws(CheckpointError) -> FileSlice {
        let packed = FileSlice(file: file, range: member.packed)
        let contents = member.isDeflated ? try Inflate.unpack(packed, member) : packed
        if isChecked || member.isDeflated {
            guard contents.withUnsafeBytes({ Inflate.crc32(of: $0) }) == member.crc else {
                throw CheckpointError(
                    file: file.name, .malformed, "the member \(member.name) is damaged: its checksum is another")
            }
        }
        return contents
    }
}
