package import JPEG
package import Messages

/// Engine `none`: looks at nothing and finds nobody, so that the bus alone can be measured and tested.
package final class PassThroughEngine: PoseEngine {
    package let name = "none"
    package let skeleton = ""
    package let needsPixels = false
    package let gainsFromBatches = false

    package init() {}

    package func process(_ frames: [EngineFrame]) -> [EngineAnswer] {
        frames.map { _ in EngineAnswer(persons: []) }
    }

    package func processStill(_ image: DecodedImage, boxes: [BoundingBox]) -> [Person] {
        []
    }

    package func forget(_ session: SessionID) {}
}
