public import Messages

/// One value for each of a run of consecutive sequences: appended at the end, forgotten from the front.
///
/// The storage is an array with a moving head, so that both ends and every lookup cost constant time.
public struct SequenceRing<Element> {
    @usableFromInline var elements: [Element] = []
    @usableFromInline var head = 0
    /// The sequence of the first element, or of the next one where there is none.
    @usableFromInline package internal(set) var start: SequenceNumber

    /// An empty run that will begin at `start`.
    @inlinable public init(start: SequenceNumber) {
        self.start = start
    }

    /// How many elements there are.
    @inlinable public var count: Int { elements.count - head }
    @inlinable public var isEmpty: Bool { count == 0 }
    /// The sequence that `append` gives to the next element.
    @inlinable public var end: SequenceNumber { start.advanced(by: count) }

    /// Whether there is an element for `sequence`.
    @inlinable public func contains(_ sequence: SequenceNumber) -> Bool {
        sequence >= start && sequence < end
    }

    /// The element of a sequence for which `contains` is true.
    @inlinable public subscript(sequence: SequenceNumber) -> Element {
        _read { yield elements[index(of: sequence)] }
        _modify { yield &elements[index(of: sequence)] }
    }

    /// Adds the element of the sequence `end`.
    @inlinable public mutating func append(_ element: Element) {
        elements.append(element)
    }

    /// Takes the first element out; there must be one.
    @inlinable public mutating func removeFirst() -> Element {
        precondition(!isEmpty, "no element to remove")
        let element = elements[head]
        head += 1
        start = start.next
        // Elements before the head are released in batches, which keeps forgetting cheap, and never more of them are kept than
        // there are others: each may hold a picture, in each of many streams.
        if head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Forgets everything and begins again at `start`.
    @inlinable public mutating func restart(at start: SequenceNumber) {
        elements.removeAll(keepingCapacity: true)
        head = 0
        self.start = start
    }

    @inlinable func index(of sequence: SequenceNumber) -> Int {
        precondition(contains(sequence), "sequence \(sequence) is not in \(start)..<\(end)")
        return head + sequence.distance(from: start)
    }
}
