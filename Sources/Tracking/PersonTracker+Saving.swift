extension PersonTracker {
    /// No number of a person or a frame is larger: what comes from elsewhere may be any number.
    private static var largestNumber: Int { 1 << 52 }

    /// Writes everything that the tracker remembers.
    package func save(to writer: inout StateWriter) {
        writer.write(nextID)
        writer.write(time ?? -1)
        writer.write(UInt32(tracks.count))
        for track in tracks {
            writer.write(track.id)
            writer.write(track.hits)
            writer.write(track.isConfirmed)
            writer.write(model.bytes(track.appearance))
            writer.write(UInt32(track.history.count))
            for (index, observation) in track.history.enumerated() {
                // A young track's copies of its first observation are not worth their bytes.
                let isCopy = index > 0 && observation == track.history[index - 1]
                writer.write(isCopy)
                if isCopy { continue }
                writer.write(observation.time)
                for value in [observation.location.x, observation.location.y] { writer.write(value) }
                for value in [observation.camera.x, observation.camera.y, observation.camera.z] { writer.write(value) }
                writer.write(observation.pose)
            }
        }
    }

    /// Goes on where another tracker stood.
    ///
    /// - Returns: false where the bytes are not what a tracker of this kind saves; the tracker is then as before.
    package mutating func restore(from reader: inout StateReader) -> Bool {
        guard let next = reader.int(), (1...Self.largestNumber).contains(next), let time = reader.int(),
            (-1...Self.largestNumber).contains(time), let count = reader.count(ofSize: 25)
        else { return false }
        var restored: [Track<Model.Appearance>] = []
        for _ in 0..<count {
            guard let id = reader.int(), id > (restored.last?.id ?? 0), id < next,
                let hits = reader.int(), (1...Self.largestNumber).contains(hits), let isConfirmed = reader.bool(),
                let bytes = reader.byteArray(), let appearance = model.appearance(bytes: bytes),
                let observations = reader.count(ofSize: 1), observations == options.history
            else { return false }
            var history: [TrackObservation] = []
            for _ in 0..<observations {
                guard let isCopy = reader.bool() else { return false }
                if isCopy {
                    guard let last = history.last else { return false }
                    history.append(last)
                    continue
                }
                guard let seen = reader.int(), (max(0, history.last?.time ?? 0)...max(0, time)).contains(seen),
                    let x = reader.double(), let y = reader.double(),
                    let cameraX = reader.double(), let cameraY = reader.double(), let cameraZ = reader.double(),
                    let pose = reader.floats()
                else { return false }
                history.append(
                    TrackObservation(
                        time: seen, location: SIMD2(x, y), camera: SIMD3(cameraX, cameraY, cameraZ), pose: pose))
            }
            restored.append(
                Track(id: id, hits: hits, isConfirmed: isConfirmed, history: history, appearance: appearance))
        }
        tracks = restored
        nextID = next
        self.time = time < 0 ? nil : time
        return true
    }
}
