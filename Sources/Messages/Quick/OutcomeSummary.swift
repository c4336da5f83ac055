/// What the sink has to know of an outcome. It stores and publishes the bytes that came, so persons are counted and not made:
/// that was a sixth of what an outcome cost it.
package struct OutcomeSummary: Sendable {
    /// The header this answers.
    package let frame: FrameHeader
    /// Set where there is no pose.
    package let drop: Drop?
    /// How many persons were seen: those who are only expected do not count.
    package let observedPersons: Int

    /// Reads an outcome: the first part of a message from infer.
    ///
    /// - Throws: `WireError`, naming what is wrong. What is read here can be read whole by `Outcome(wire:)` too.
    package init(wire bytes: UnsafeRawBufferPointer) throws(WireError) {
        if let summary = Self.quick(bytes) {
            self = summary
        } else {
            self.init(try Outcome(generalWire: Array(bytes)))
        }
    }

    /// What there is to know of an outcome.
    package init(_ outcome: Outcome) {
        self.init(frame: outcome.frame, drop: outcome.drop, observedPersons: outcome.observedPersons)
    }

    private init(frame: FrameHeader, drop: Drop?, observedPersons: Int) {
        self.frame = frame
        self.drop = drop
        self.observedPersons = observedPersons
    }

    /// Reads an outcome as PoseBus writes it; nil for everything else.
    private static func quick(_ bytes: UnsafeRawBufferPointer) -> OutcomeSummary? {
        var reader = ProtobufReader(bytes)
        var frame: FrameHeader?
        var drop: Drop?
        var observedPersons = 0
        var timing = Timing()
        while !reader.isAtEnd {
            switch reader.varint() {
            case tag(1, 2):
                guard frame == nil, let chunk = reader.chunk(), let header = FrameHeader.quick(chunk) else {
                    return nil
                }
                frame = header
            case tag(2, 2), tag(3, 2):
                guard reader.text() != nil else { return nil }
            case tag(4, 2):
                guard drop == nil, let chunk = reader.chunk(), let found = Drop.quick(chunk) else { return nil }
                drop = found
            case tag(5, 2):
                guard let chunk = reader.chunk(), let isObserved = Person.isObserved(chunk) else { return nil }
                if isObserved { observedPersons += 1 }
            case tag(6, 2):
                guard let chunk = reader.chunk(), timing.merge(chunk) else { return nil }
            default: return nil
            }
        }
        guard let frame else { return nil }
        return OutcomeSummary(frame: frame, drop: drop, observedPersons: observedPersons)
    }
}

extension Person {
    /// Whether a person that PoseBus wrote was seen; nil for every message that `quick` might not read.
    fileprivate static func isObserved(_ bytes: UnsafeRawBufferPointer) -> Bool? {
        var reader = ProtobufReader(bytes)
        var isObserved = false
        var hasBox = false
        var last: UInt64 = 0
        while !reader.isAtEnd {
            guard let field = reader.varint(), field > last else { return nil }
            // In the order of their numbers each can occur once only.
            last = field
            switch field {
            case tag(1, 0):
                guard reader.uint32() != nil else { return nil }
            case tag(2, 5), tag(8, 5):
                guard reader.float() != nil else { return nil }
            case tag(3, 2):
                guard let chunk = reader.chunk(), chunk.count == 16 else { return nil }
                hasBox = true
            case tag(4, 0):
                guard let value = reader.boolean() else { return nil }
                isObserved = value
            case tag(5, 2), tag(6, 2):
                guard let chunk = reader.chunk(), chunk.count.isMultiple(of: 12) else { return nil }
            case tag(7, 2):
                guard let chunk = reader.chunk(), chunk.count == 12 else { return nil }
            case tag(9, 2):
                guard let chunk = reader.chunk(), SMPLParameters.isPlain(chunk) else { return nil }
            case tag(10, 0):
                guard let state = reader.varint(), 1...3 ~= state else { return nil }
            case tag(11, 2):
                guard reader.chunk() != nil else { return nil }
            default: return nil
            }
        }
        return hasBox ? isObserved : nil
    }
}

extension SMPLParameters {
    fileprivate static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var reader = ProtobufReader(bytes)
        var last: UInt64 = 0
        while !reader.isAtEnd {
            guard let field = reader.varint(), field > last, [tag(1, 2), tag(2, 2), tag(3, 2)].contains(field),
                let chunk = reader.chunk(), chunk.count.isMultiple(of: 4)
            else { return false }
            last = field
        }
        return true
    }
}
