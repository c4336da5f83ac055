internal import Bodies
internal import Client
internal import Exports
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Messages
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import ZeroMQ

/// Stored sessions as files that other programs read.
struct ExportRoutes: RouteTopic {
    let services: GatewayServices

    func add(to routes: Routes) {
        let exporter = Exporter(services)
        let archive = services.archive
        routes.get("/v1/export-formats") { _, _ in
            var json = JSONWriter(capacity: 2048)
            json.object { json in
                json.key("formats")
                json.array { json in for format in ExportFormat.allCases { json.value(format) } }
            }
            return Response.json(bytes: json.bytes)
        }
        routes.get("/v1/sessions/:session/export") { request, context in
            let id = try context.session()
            let names = ExportFormat.allCases.map(\.rawValue).joined(separator: ", ")
            guard let format = request.query("format").flatMap(ExportFormat.init) else {
                throw APIError(
                    .badRequest, "format=\((request.query("format") ?? "").prefix(40)): one of \(names) is expected.")
            }
            let revision = try request.revision()
            let summary = try await SessionRoutes.summary(of: id, archive)
            return try await exporter.response(summary, format, revision: revision)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ format: ExportFormat) {
        object { json in
            json.key("name")
            json.text(format.rawValue)
            json.key("media_type")
            json.text(format.isFolder ? "application/zip" : format.mediaType)
            json.key("extension")
            json.text(format.isFolder ? "zip" : format.fileExtension)
            json.key("needs")
            json.array { json in for need in format.needs { json.text(need.rawValue) } }
            json.key("summary")
            json.text(format.summary)
        }
    }
}

/// A folder that goes when nobody needs it any more.
final class TemporaryFolder: Sendable {
    let url: URL

    init(in parent: URL) throws {
        url = parent.appending(path: UUID().uuidString, directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}

/// Makes exports, one or two at a time, and sends them.
private final class Exporter: Sendable {
    private let services: GatewayServices
    private let parent: URL
    private let running = NIOLockedValueBox(0)
    private static let limit = 2

    init(_ services: GatewayServices) {
        self.services = services
        parent = services.configuration.state.appending(path: "exports", directoryHint: .isDirectory)
        // What a gateway that was killed left behind.
        try? FileManager.default.removeItem(at: parent)
    }

    func response(_ summary: SessionSummary, _ format: ExportFormat, revision: String) async throws -> Response {
        let isFree = running.withLockedValue { running in
            guard running < Self.limit else { return false }
            running += 1
            return true
        }
        guard isFree else {
            var error = APIError(
                .serviceUnavailable, "\(Self.limit) exports are being made already. Ask again when one is done.")
            error.headers[.retryAfter] = "5"
            throw error
        }
        defer { running.withLockedValue { $0 -= 1 } }
        let folder = try TemporaryFolder(in: parent)
        let file = NIOLockedValueBox<URL?>(nil)
        try await runOnThread(named: "export") { [services] in
            let made = try Self.make(summary, format, revision, folder.url, services)
            file.withLockedValue { $0 = made }
        }
        guard let url = file.withLockedValue({ $0 }) else {
            throw APIError(.serviceUnavailable, "The gateway is stopping.")
        }
        return try Self.send(url, of: folder, summary, format)
    }

    private static func make(
        _ summary: SessionSummary, _ format: ExportFormat, _ revision: String, _ folder: URL,
        _ services: GatewayServices
    ) throws -> URL {
        let recording = BusRecording(
            stream: summary.stream, session: summary.session, revision: revision,
            archive: Archive(at: services.configuration.replay, in: services.context))
        let meshes = services.meshes
        var options = ExportOptions()
        options.body = { try meshes.body() }
        let target = folder.appending(path: format.isFolder ? "files" : "export.\(format.fileExtension)")
        do {
            _ = try export([recording], as: format, to: target, options: options)
            return format.isFolder ? try zipped(target) : target
        } catch let error as ExportError {
            switch error.kind {
            case .badRequest: throw APIError(.badRequest, "This cannot be exported as \(format.rawValue): \(error).")
            case .unavailable: throw APIError(.conflict, "This cannot be exported as \(format.rawValue): \(error).")
            case .inputOutput: throw error
            }
        } catch let error as MeshMaker.Missing {
            throw APIError(.conflict, "This cannot be exported as \(format.rawValue): \(error).")
        } catch let error as ArchiveError {
            throw APIError(.serviceUnavailable, "The sink did not answer: \(error).")
        }
    }

    /// Packs a folder of files beside it.
    private static func zipped(_ folder: URL) throws -> URL {
        let target = folder.appendingPathExtension("zip")
        try zip(folder: folder, to: target)
        try FileManager.default.removeItem(at: folder)
        return target
    }

    private static func send(
        _ url: URL, of folder: TemporaryFolder, _ summary: SessionSummary, _ format: ExportFormat
    ) throws -> Response {
        let handle = try FileHandle(forReadingFrom: url)
        let size = Int(try handle.seekToEnd())
        try handle.seek(toOffset: 0)
        let session = summary.session.description.prefix(8)
        let safe = summary.stream.description.unicodeScalars.map { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789-_.".unicodeScalars.contains(scalar))
                ? Character(scalar) : "_"
        }
        let name = "\(String(safe))-\(session).\(format.isFolder ? "zip" : format.fileExtension)"
        let body = ResponseBody(contentLength: size) { writer in
            // Held until all is sent: the folder goes with it.
            defer { withExtendedLifetime(folder) { try? handle.close() } }
            while true {
                let chunk = try await NIOThreadPool.singleton.runIfActive { try handle.read(upToCount: 256 << 10) }
                guard let chunk, !chunk.isEmpty else { break }
                try await writer.write(ByteBuffer(bytes: chunk))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: format.isFolder ? "application/zip" : format.mediaType,
                .contentDisposition: "attachment; filename=\"\(name)\"",
            ], body: body)
    }
}
