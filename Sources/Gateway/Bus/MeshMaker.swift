internal import Bodies
internal import Foundation
internal import HTTPTypes
internal import Messages
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Weights

/// Makes the meshes of persons from their SMPL parameters.
final class MeshMaker: Sendable {
    private enum Model {
        case unread
        case read(BodyModel)
        case missing(String)
    }

    private let folder: String?
    private let model = NIOLockedValueBox(Model.unread)

    /// - Parameter folder: of HMR2's files; nil for the usual one.
    init(folder: String?) {
        self.folder = folder
    }

    /// The body model, read when it is first wanted. It takes a second; call it on no event loop.
    ///
    /// - Throws: `Missing`, saying what is not there.
    func body() throws -> BodyModel {
        try model.withLockedValue { model in
            switch model {
            case .read(let body): return body
            case .missing(let why): throw Missing(description: why)
            case .unread:
                do {
                    let body = try BodyModel(HMR2Folder.chosen(folder))
                    model = .read(body)
                    return body
                } catch {
                    model = .missing("\(error)")
                    throw Missing(description: "\(error)")
                }
            }
        }
    }

    /// Why there are no meshes.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// The mesh block of an outcome; nil where nobody in it has a body, or there is no body model.
    ///
    /// u32 count, then for each person u32 track, u32 vertices, f32[3 × vertices] in the camera's frame, metres.
    func block(of outcome: Outcome) -> ByteBuffer? {
        let persons = outcome.persons.filter { $0.smpl != nil }
        guard !persons.isEmpty, let body = try? body() else { return nil }
        var buffer = ByteBufferAllocator().buffer(capacity: 4 + persons.count * (8 + 12 * body.vertexCount))
        buffer.writeInteger(UInt32(persons.count), endianness: .little)
        for person in persons {
            guard let smpl = person.smpl else { continue }
            let move = person.cameraTranslation ?? .zero
            let vertices = body.pose(
                betas: smpl.betas, globalOrient: smpl.globalOrient, bodyPose: smpl.bodyPose
            ).vertices
            buffer.writeInteger(person.trackID, endianness: .little)
            buffer.writeInteger(UInt32(vertices.count), endianness: .little)
            var numbers: [Float] = []
            numbers.reserveCapacity(3 * vertices.count)
            for vertex in vertices {
                let place = vertex + move
                numbers.append(place.x)
                numbers.append(place.y)
                numbers.append(place.z)
            }
            numbers.withUnsafeBytes { _ = buffer.writeBytes($0) }
        }
        return buffer
    }
}

extension MeshMaker {
    /// The body model, or the answer for whoever wants one where there is none.
    func known() throws -> BodyModel {
        do {
            return try body()
        } catch {
            throw APIError(
                .notFound,
                "There are no meshes here: \(error). docs/hmr2.md says which files are needed and where they go.")
        }
    }
}
