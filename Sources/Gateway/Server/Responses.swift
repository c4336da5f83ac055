internal import Foundation
package import HTTPTypes
package import Hummingbird
package import NIOCore

extension Response {
    /// JSON that is written already.
    package static func json(bytes: some Sequence<UInt8>, status: HTTPResponse.Status = .ok) -> Response {
        data(ByteBuffer(bytes: bytes), type: "application/json", status: status)
    }

    /// A value as JSON.
    package static func json(encoding value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return json(bytes: try encoder.encode(value), status: status)
    }

    /// Bytes of a media type.
    package static func data(_ bytes: ByteBuffer, type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: bytes))
    }
}
