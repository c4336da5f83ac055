package import Tracking

/// The form in which an engine saves what it knows of a session: which engine and which form, then what its parts write.
struct SavedState {
    /// The engine's name: another engine has no use for it.
    let engine: String

    /// Raised with every change of what is written: an infer of another release starts anew instead of misreading.
    private static let form: UInt32 = 1

    /// Writes a state.
    func bytes(_ write: (inout StateWriter) -> Void) -> [UInt8] {
        var writer = StateWriter()
        writer.write(Self.form)
        writer.write(Array(engine.utf8))
        write(&writer)
        return writer.bytes
    }

    /// Reads a state.
    ///
    /// - Returns: false where it is of another engine or form, or `read` says so, or left something unread.
    func read(_ bytes: [UInt8], _ read: (inout StateReader) -> Bool) -> Bool {
        var reader = StateReader(bytes)
        guard reader.uint32() == Self.form, reader.byteArray() == Array(engine.utf8) else { return false }
        return read(&reader) && reader.isAtEnd
    }
}

extension PersonTracker.Options {
    /// PHALP's settings, but for cuts: there only appearance and pose count, and only somebody who looks and stands much
    /// the same goes on as the same person. The limit follows from the differences of colours that `PartColours` names and of
    /// small changes of pose: by them one person costs less than 4 there nine times in ten, two persons 6 and more.
    /// Whoever is taken for a new one can be joined later (`posebus refine`); two persons taken for one cannot be told
    /// apart again.
    package static var live: Self {
        var options = Self()
        options.costAtShot = .equation010AtShot
        options.largestCostAtShot = 4
        options.endsTracksAtShot = true
        return options
    }
}
