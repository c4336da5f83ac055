/// A first-in, first-out queue with constant-time ends.
struct FIFO<Element> {
    private var elements: [Element] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    /// Puts an element back where it was taken from.
    mutating func putBack(_ element: Element) {
        if head > 0 {
            head -= 1
            elements[head] = element
        } else {
            elements.insert(element, at: 0)
        }
    }

    /// Takes out every element that matches, wherever it stands.
    mutating func removeAll(where matches: (Element) -> Bool) {
        elements.removeFirst(head)
        head = 0
        elements.removeAll(where: matches)
    }

    mutating func popFirst() -> Element? {
        guard let first else { return nil }
        head += 1
        // Taken elements are released in batches, and never more of them are kept than wait: each may hold a picture.
        if head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return first
    }
}
