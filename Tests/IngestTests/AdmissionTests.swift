import Ingest
import JPEG
import Messages
import Testing
import ZeroMQ

@Suite struct AdmissionTests {
    let admission = Admission(limits: JPEGLimits(bytes: 10_000, pixels: 10_000), decodes: false)

    func verdict(_ image: Message, shape: FeederHeader.RawSize? = nil, decodes: Bool = false) throws -> Verdict {
        let header = FeederHeader(stream: try StreamName("cam"), rawSize: shape)
        return Admission(limits: admission.limits, decodes: decodes).verdict(on: header, image: image)
    }

    @Test func handsAJPEGOnWhole() throws {
        let image = try jpeg(width: 40, height: 20)
        guard case .frame(let payload, let width, let height, let preview) = try verdict(image) else {
            Issue.record("refused")
            return
        }
        #expect(payload.message === image)
        #expect(payload.kind == .jpeg)
        #expect((width, height) == (40, 20))
        #expect(preview === image)
    }

    @Test func decodesWhereAsked() throws {
        guard case .frame(let payload, _, _, let preview) = try verdict(try jpeg(), decodes: true) else {
            Issue.record("refused")
            return
        }
        #expect(payload.kind == .rgb8)
        #expect(payload.message.count == 32 * 16 * 3)
        #expect(preview != nil)
    }

    @Test func turnsRawPixelsIntoRGB() throws {
        let pixels = Message([1, 2, 3, 4, 5, 6] as [UInt8])
        guard case .frame(let payload, 2, 1, nil) = try verdict(pixels, shape: .init(height: 1, width: 2)) else {
            Issue.record("refused")
            return
        }
        #expect(bytes(payload.message) == [3, 2, 1, 6, 5, 4])
    }

    @Test func recordsWhyAnImageIsNone() throws {
        let huge = Message([UInt8](repeating: 0, count: 10_001))
        let truncated = Message(bytes(try jpeg()).dropLast(40))
        let cases: [(Message, FeederHeader.RawSize?, DropReason)] = [
            (Message("hello"), nil, .corruptJPEG), (Message(""), nil, .corruptJPEG), (truncated, nil, .corruptJPEG),
            (huge, nil, .tooLarge), (try jpeg(width: 200, height: 200), nil, .tooLarge),
            (Message("abc"), .init(height: 2, width: 2), .corruptJPEG),
            (Message("abc"), .init(height: .max, width: .max), .tooLarge),
            (huge, .init(height: 1, width: 1), .tooLarge),
        ]
        for (image, shape, reason) in cases {
            guard case .drop(let drop) = try verdict(image, shape: shape) else {
                Issue.record("accepted, expected \(reason)")
                continue
            }
            #expect(drop.reason == reason)
            #expect(drop.stage == .ingest)
            #expect(!drop.detail.isEmpty)
        }
    }

    @Test func anEndNeedsNoImage() throws {
        let header = Message(#"{"stream":"cam","end":true}"#)
        #expect(try admission.read([header]).image == nil)
        #expect(try admission.read([header, Message("")]).image == nil)
        #expect(try admission.read([header, try jpeg()]).image != nil, "the last frame may come with the end")
        #expect(throws: FeederRefusal.self) { try admission.read([Message(#"{"stream":"cam"}"#)]) }
        #expect(throws: FeederRefusal.self) { try admission.read([header, header, header]) }
    }

    @Test func equalLogLinesAreCounted() {
        var limiter = LogLimiter()
        let first = (0..<5).map { _ in limiter.shouldLog("a") }
        #expect(first == [true, false, false, false, false])
        let flushed = limiter.flush()
        #expect(flushed.map(\.kind) == ["a"])
        #expect(flushed.map(\.count) == [4])
        let again = limiter.shouldLog("a")
        #expect(again)
    }
}
