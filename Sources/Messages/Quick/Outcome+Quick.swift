extension Outcome {
    /// Reads an outcome as PoseBus writes it, many times faster than the general reader.
    ///
    /// - Returns: nil for everything else, right or wrong.
    static func quick(_ bytes: UnsafeRawBufferPointer) -> Outcome? {
        var reader = ProtobufReader(bytes)
        var frame: FrameHeader?
        var engine = ""
        var skeleton = ""
        var drop: Drop?
        var persons: [Person] = []
        var timing = Timing()
        while !reader.isAtEnd {
            switch reader.varint() {
            case tag(1, 2):
                guard frame == nil, let chunk = reader.chunk(), let header = FrameHeader.quick(chunk) else {
                    return nil
                }
                frame = header
            case tag(2, 2):
                guard let text = reader.text() else { return nil }
                engine = text
            case tag(3, 2):
                guard let text = reader.text() else { return nil }
                skeleton = text
            case tag(4, 2):
                guard drop == nil, let chunk = reader.chunk(), let found = Drop.quick(chunk) else { return nil }
                drop = found
            case tag(5, 2):
                guard let chunk = reader.chunk(), let person = Person.quick(chunk) else { return nil }
                persons.append(person)
            case tag(6, 2):
                // It may occur twice: the sink adds its own times behind the rest, and fields are merged.
                guard let chunk = reader.chunk(), timing.merge(chunk) else { return nil }
            default: return nil
            }
        }
        guard let frame else { return nil }
        return Outcome(
            frame: frame, engine: engine, skeleton: skeleton, drop: drop, persons: persons, timing: timing)
    }

    func write(to writer: inout ProtobufWriter) {
        writer.message(1) { frame.write(to: &$0) }
        writer.text(2, engine)
        writer.text(3, skeleton)
        if let drop { writer.message(4) { drop.write(to: &$0) } }
        for person in persons { writer.message(5) { person.write(to: &$0) } }
        writer.message(6) { timing.write(to: &$0) }
    }
}

extension Timing {
    /// Takes over what is written in `bytes`, or is false where that is out of the ordinary.
    mutating func merge(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var reader = ProtobufReader(bytes)
        while !reader.isAtEnd {
            guard let field = reader.varint(), let value = reader.float() else { return false }
            switch field {
            case tag(1, 5): ingest = value
            case tag(2, 5): queue = value
            case tag(3, 5): infer = value
            case tag(4, 5): sink = value
            case tag(5, 5): total = value
            default: return false
            }
        }
        return true
    }

    fileprivate func write(to writer: inout ProtobufWriter) {
        writer.float(1, ingest)
        writer.float(2, queue)
        writer.float(3, infer)
        writer.float(4, sink)
        writer.float(5, total)
    }
}

extension Person {
    static func quick(_ bytes: UnsafeRawBufferPointer) -> Person? {
        var reader = ProtobufReader(bytes)
        var bbox: [Float] = []
        var translation: [Float] = []
        var person = Person(
            trackID: 0, score: 0, bbox: BoundingBox(x: 0, y: 0, width: 0, height: 0), observed: false, keypoints2D: [],
            keypoints3D: [])
        // A repeated field that occurs twice would be joined: that is for the general reader.
        while !reader.isAtEnd {
            switch reader.varint() {
            case tag(1, 0):
                guard let number = reader.uint32() else { return nil }
                person.trackID = number
            case tag(2, 5):
                guard let value = reader.float() else { return nil }
                person.score = value
            case tag(3, 2):
                guard bbox.isEmpty, let values = reader.floats() else { return nil }
                bbox = values
            case tag(4, 0):
                guard let value = reader.boolean() else { return nil }
                person.observed = value
            case tag(5, 2):
                guard person.keypoints2D.isEmpty, let points = reader.points() else { return nil }
                person.keypoints2D = points
            case tag(6, 2):
                guard person.keypoints3D.isEmpty, let points = reader.points() else { return nil }
                person.keypoints3D = points
            case tag(7, 2):
                guard translation.isEmpty, let values = reader.floats(), values.count == 3 else { return nil }
                translation = values
            case tag(8, 5):
                guard let value = reader.float() else { return nil }
                person.focalLength = value == 0 ? nil : value
            case tag(9, 2):
                guard person.smpl == nil, let chunk = reader.chunk(), let smpl = SMPLParameters.quick(chunk) else {
                    return nil
                }
                person.smpl = smpl
            case tag(10, 0):
                switch reader.varint() {
                case 1: person.state = .tentative
                case 2: person.state = .confirmed
                case 3: person.state = .predicted
                default: return nil
                }
            case tag(11, 2):
                guard let chunk = reader.chunk() else { return nil }
                person.appearance = [UInt8](chunk)
            default: return nil
            }
        }
        guard bbox.count == 4 else { return nil }
        person.bbox = BoundingBox(x: bbox[0], y: bbox[1], width: bbox[2], height: bbox[3])
        if !translation.isEmpty { person.cameraTranslation = SIMD3(translation[0], translation[1], translation[2]) }
        return person
    }

    func write(to writer: inout ProtobufWriter) {
        writer.varint(1, UInt64(trackID))
        writer.float(2, score)
        writer.floats(3, [bbox.x, bbox.y, bbox.width, bbox.height])
        writer.boolean(4, observed)
        writer.floats(5, keypoints2D)
        writer.floats(6, keypoints3D)
        if let cameraTranslation { writer.floats(7, [cameraTranslation]) }
        if let focalLength { writer.float(8, focalLength) }
        if let smpl { writer.message(9) { smpl.write(to: &$0) } }
        if let state { writer.varint(10, UInt64(state.wire.rawValue)) }
        writer.bytes(11, appearance)
    }
}

extension SMPLParameters {
    fileprivate static func quick(_ bytes: UnsafeRawBufferPointer) -> SMPLParameters? {
        var reader = ProtobufReader(bytes)
        var smpl = SMPLParameters(betas: [], bodyPose: [], globalOrient: [])
        while !reader.isAtEnd {
            guard let field = reader.varint(), let values = reader.floats() else { return nil }
            switch field {
            case tag(1, 2) where smpl.betas.isEmpty: smpl.betas = values
            case tag(2, 2) where smpl.bodyPose.isEmpty: smpl.bodyPose = values
            case tag(3, 2) where smpl.globalOrient.isEmpty: smpl.globalOrient = values
            default: return nil
            }
        }
        return smpl
    }

    fileprivate func write(to writer: inout ProtobufWriter) {
        writer.floats(1, betas)
        writer.floats(2, bodyPose)
        writer.floats(3, globalOrient)
    }
}
