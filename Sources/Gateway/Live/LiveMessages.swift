internal import Foundation
internal import Messages
internal import NIOCore

/// The text messages of the WebSocket.
enum LiveMessages {
    static func hello(version: String) -> ByteBuffer {
        text { json in
            json.key("type")
            json.text("hello")
            json.key("v")
            json.value(1)
            json.key("version")
            json.text(version)
        }
    }

    static func skipped(stream: String, count: Int) -> ByteBuffer {
        text { json in
            json.key("type")
            json.text("skipped")
            json.key("stream")
            json.text(stream)
            json.key("count")
            json.value(count)
        }
    }

    private static func text(_ content: (inout JSONWriter) -> Void) -> ByteBuffer {
        var json = JSONWriter(capacity: 128)
        json.object(content)
        return ByteBuffer(bytes: json.bytes)
    }
}

/// What a client may say: other streams, other wishes.
struct LiveRequest: Decodable, Sendable {
    var subscribe: [String]?
    var unsubscribe: [String]?
    var frames: Bool?
    var meshes: Bool?

    /// The most streams that one reader may name.
    static let maxStreams = 256

    /// Reads a client's text message; nil where it is none of ours.
    init?(_ text: ByteBuffer) {
        guard let read = try? JSONDecoder().decode(LiveRequest.self, from: Data(text.readableBytesView)) else {
            return nil
        }
        self = read
    }

    /// The wishes after this request. Who reads all streams and names one reads that one; who takes back one of all has
    /// to name those it wants.
    func applied(to wishes: Reader.Wishes) -> Reader.Wishes {
        var wishes = wishes
        if let subscribe { wishes.streams = (wishes.streams ?? []).union(subscribe) }
        if let unsubscribe { wishes.streams = wishes.streams?.subtracting(unsubscribe) }
        if let frames { wishes.frames = frames }
        if let meshes { wishes.meshes = meshes }
        return wishes
    }
}
