internal import JPEG
internal import Messages
internal import Refinement
internal import Tracking

/// The persons of all sessions as an engine goes through their frames: where they are (`PersonFinder`), who they are
/// (`IdentityKeeper`), and both in a form that another process goes on with.
final class FollowedPersons<Model: TrackingModel> {
    /// One frame in which persons were looked for.
    struct View {
        let frame: EngineFrame
        /// Its picture as it was looked at first.
        let image: DecodedImage
        /// Whether it begins a shot.
        let isShot: Bool
        let findings: [PersonFinder.Finding]
    }

    private let state: SavedState
    private let finder: PersonFinder
    private let identities: IdentityKeeper<Model>
    private let smooths: Bool
    /// Filters are not saved: another process begins them anew.
    private var smoothers: [SessionID: LiveSmoother] = [:]

    /// - Parameters:
    ///   - engine: the engine's name: what it saves is for engines of this name.
    ///   - smooths: whether poses are steadied, as far as that can be done without waiting for later frames.
    init(engine: String, finder: PersonFinder, model: Model, smooths: Bool) {
        state = SavedState(engine: engine)
        self.finder = finder
        self.smooths = smooths
        identities = IdentityKeeper(model: model, options: .live)
    }

    /// Finds the persons in frames; at most one frame of each session.
    func look(at frames: [EngineFrame]) throws -> [View] {
        frames.forEach(restore)
        let images = try frames.map { try $0.shown.image(finder.scale(for: $0)) }
        let isShot = zip(frames, images).map(identities.isShot)
        let found = try finder.find(in: frames, images: images, isShot: isShot)
        return frames.indices.map {
            View(frame: frames[$0], image: images[$0], isShot: isShot[$0], findings: found[$0])
        }
    }

    /// The frame's answer, with everybody's identity.
    func answer(_ sightings: [IdentityKeeper<Model>.Sighting], in view: View) throws -> EngineAnswer {
        let session = view.frame.session
        var persons = try identities.identify(sightings, in: view.frame, isShot: view.isShot)
        if smooths {
            // Nothing goes on across a cut.
            if view.isShot { smoothers[session] = nil }
            persons = smoothers[session, default: LiveSmoother()].smooth(
                persons, at: Double(view.frame.captureTime.nanoseconds) / 1e9)
        }
        let saved = state.bytes { writer in
            finder.save(session, to: &writer)
            identities.save(session, to: &writer)
        }
        return EngineAnswer(persons: persons, sessionState: saved)
    }

    /// Forgets a session that has ended.
    func forget(_ session: SessionID) {
        finder.forget(session)
        identities.forget(session)
        smoothers[session] = nil
    }

    private func restore(_ frame: EngineFrame) {
        guard !identities.knows(frame.session), !frame.savedState.isEmpty else { return }
        let isRestored = state.read(frame.savedState) { reader in
            finder.restore(frame.session, from: &reader) && identities.restore(frame.session, from: &reader)
        }
        if !isRestored { forget(frame.session) }
    }
}
