internal import JPEG

/// Frames of a rendered moving person whose joints are exactly known. See `TestSourceOptions`.
package final class TestSource: FrameSource {
    private let options: TestSourceOptions
    private let stop: SourceStop
    private var renderer: FigureRenderer
    private let encoder: JPEGEncoder
    private let startNs = unixTimeNs()
    private var index = 0

    package var frameCount: Int? { options.frames == 0 ? nil : options.frames }

    package init(_ options: TestSourceOptions, stop: SourceStop = SourceStop()) {
        self.options = options
        self.stop = stop
        renderer = FigureRenderer(options)
        encoder = JPEGEncoder(quality: options.quality)
    }

    package func next() throws -> SourceFrame? {
        guard options.frames == 0 || index < options.frames else { return nil }
        let captureTimeNs = startNs + Int64(Double(index) / options.frameRate * 1e9)
        if options.isRealTime { stop.sleep(until: captureTimeNs) }
        guard !stop.isStopped else { return nil }
        defer { index += 1 }
        let (pixels, persons) = renderer.render(index)
        let jpeg = try pixels.withUnsafeBytes { try encoder.encode($0, width: options.width, height: options.height) }
        let known = KnownFrame(frame: index, width: options.width, height: options.height, persons: persons)
        return SourceFrame(jpeg: jpeg, index: index, captureTimeNs: captureTimeNs, known: known)
    }
}
