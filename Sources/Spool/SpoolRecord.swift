internal import Foundation
package import Messages

/// One record of a segment.
///
///     length of the body   4 bytes, little-endian, at least 1
///     CRC-32C              4 bytes, of the length and the body
///     body                 1 byte of kind, then:
///       1 entry            2 bytes n, n bytes of the feeder's name, 8 bytes of its frame number,
///                          4 bytes m, m bytes of FrameHeader (protobuf), then the payload
///       2 snapshot         SpoolSnapshot as JSON
///
/// An entry is a frame, the record of a drop, or the end of a session, as its header says. Of several entries with one
/// sequence the last one counts. A length of 0 is the end of a segment: files are reserved with zeros.
enum SpoolRecord {
    static let prefixLength = 8
    private static let entryKind: UInt8 = 1
    private static let snapshotKind: UInt8 = 2

    case entry(SpoolEntry)
    case snapshot(SpoolSnapshot)

    /// The bytes of an entry. The payload is copied once.
    static func encode(
        _ header: FrameHeader, feeder: FeederFrame?, payload: UnsafeRawBufferPointer
    ) -> [UInt8] {
        let headerBytes = header.wireBytes()
        let name = feeder.map { Array($0.feeder.utf8) } ?? []
        var body: [UInt8] = []
        body.reserveCapacity(prefixLength + 15 + name.count + headerBytes.count + payload.count)
        body.append(contentsOf: repeatElement(0, count: prefixLength))
        body.append(entryKind)
        append(UInt16(name.count), to: &body)
        body.append(contentsOf: name)
        append(feeder?.frame ?? 0, to: &body)
        append(UInt32(headerBytes.count), to: &body)
        body.append(contentsOf: headerBytes)
        body.append(contentsOf: payload)
        return seal(body)
    }

    /// The bytes of a snapshot.
    static func encode(_ snapshot: SpoolSnapshot) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // Numbers, texts and lists of them always have a JSON form.
        guard let json = try? encoder.encode(snapshot) else { preconditionFailure("a snapshot has no JSON") }
        return seal(Array(repeating: 0, count: prefixLength) + [snapshotKind] + json)
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Fills in length and checksum.
    private static func seal(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: UInt32(bytes.count - prefixLength).littleEndian, as: UInt32.self)
            let checksum = checksum(UnsafeRawBufferPointer(bytes))
            bytes.storeBytes(of: checksum.littleEndian, toByteOffset: 4, as: UInt32.self)
        }
        return bytes
    }

    /// Of the body, with the length mixed in: a body cut short has another one.
    private static func checksum(_ record: UnsafeRawBufferPointer) -> UInt32 {
        let length = UInt32(record.count - prefixLength)
        return Checksum.crc32c(UnsafeRawBufferPointer(rebasing: record[prefixLength...])) ^ (length &* 0x9e37_79b9)
    }

    /// Reads the record at `offset`.
    ///
    /// - Returns: nil where there is none: the end, or one that was cut short or damaged.
    static func decode(_ segment: UnsafeRawBufferPointer, at offset: Int) -> (record: SpoolRecord, next: Int)? {
        guard offset + prefixLength < segment.count else { return nil }
        let length = Int(UInt32(littleEndian: segment.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        let expected = UInt32(littleEndian: segment.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
        let next = offset + prefixLength + length
        guard length > 0, next <= segment.count else { return nil }
        guard checksum(UnsafeRawBufferPointer(rebasing: segment[offset..<next])) == expected else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: segment[(offset + prefixLength)..<next])
        switch body[0] {
        case entryKind: return decodeEntry(body).map { (.entry($0), next) }
        case snapshotKind:
            let json = Data(body.dropFirst())
            return (try? JSONDecoder().decode(SpoolSnapshot.self, from: json)).map { (.snapshot($0), next) }
        default: return nil
        }
    }

    private static func decodeEntry(_ body: UnsafeRawBufferPointer) -> SpoolEntry? {
        var offset = 1
        func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
            guard offset + MemoryLayout<Number>.size <= body.count else { return nil }
            defer { offset += MemoryLayout<Number>.size }
            return Number(littleEndian: body.loadUnaligned(fromByteOffset: offset, as: type))
        }
        func bytes(_ count: Int) -> Slice<UnsafeRawBufferPointer>? {
            guard count <= body.count - offset else { return nil }
            defer { offset += count }
            return body[offset..<(offset + count)]
        }
        guard let nameLength = number(UInt16.self), let name = bytes(Int(nameLength)), let frame = number(UInt64.self),
            let headerLength = number(UInt32.self), let headerBytes = bytes(Int(headerLength)),
            let header = try? FrameHeader(wire: Array(headerBytes))
        else { return nil }
        let feeder = nameLength == 0 ? nil : FeederFrame(feeder: String(decoding: name, as: UTF8.self), frame: frame)
        return SpoolEntry(header: header, feeder: feeder, payload: Array(body[offset...]))
    }
}

/// A frame by the name and the count of the feeder that sent it.
package struct FeederFrame: Equatable, Sendable {
    package var feeder: String
    package var frame: UInt64

    package init(feeder: String, frame: UInt64) {
        self.feeder = feeder
        self.frame = frame
    }
}

/// One entry of a session as a spool gives it back.
package struct SpoolEntry: Equatable, Sendable {
    package var header: FrameHeader
    package var feeder: FeederFrame?
    /// Empty for drops and ends.
    package var payload: [UInt8]
}

/// What is known of every session when a segment begins: older segments may then be deleted.
struct SpoolSnapshot: Codable, Equatable {
    struct Session: Codable, Equatable {
        var session: UUID
        var stream: String
        var delivery: Delivery
        /// The oldest sequence not known to be acknowledged.
        var oldest: UInt64
        /// The next sequence to be given.
        var next: UInt64
        /// The last frame of each feeder.
        var feeders: [String: UInt64]
    }

    var sessions: [Session]
}
