extension PickleMachine {
    /// Lists, tuples, sets and dictionaries.
    mutating func changeContainer(_ instruction: UInt8) throws(CheckpointError) -> Bool {
        switch instruction {
        case UInt8(ascii: "]"): try push(.list([]))
        case UInt8(ascii: ")"): try push(.tuple([]))
        case UInt8(ascii: "}"): try push(.dictionary([]))
        case 0x8f: try push(.set([]))
        case UInt8(ascii: "l"): try push(.list(try popToMark()))
        case UInt8(ascii: "t"): try push(.tuple(try popToMark()))
        case 0x91: try push(.set(try popToMark()))
        case UInt8(ascii: "d"): try push(.dictionary(try pairs(try popToMark())))
        case 0x85...0x87:
            var elements: [Int] = []
            for _ in 0x85...instruction { elements.append(try pop()) }
            try push(.tuple(elements.reversed()))
        case UInt8(ascii: "a"):
            let element = try pop()
            try append([element], to: try top())
        case UInt8(ascii: "e"), 0x90:
            let elements = try popToMark()
            try append(elements, to: try top())
        case UInt8(ascii: "s"):
            let value = try pop()
            try set([try pop(), value], in: try top())
        case UInt8(ascii: "u"):
            let entries = try pairs(try popToMark())
            try set(entries, in: try top())
        default: return false
        }
        return true
    }

    private func pairs(_ places: [Int]) throws(CheckpointError) -> [Int] {
        guard places.count.isMultiple(of: 2) else { throw damaged("a dictionary has a key without a value") }
        return places
    }

    // A node is taken out of its place while it grows: copying it each time would take quadratic time.

    private mutating func append(_ elements: [Int], to place: Int) throws(CheckpointError) {
        let node = nodes[place]
        nodes[place] = .none
        switch consume node {
        case .list(var list):
            list.append(contentsOf: elements)
            nodes[place] = .list(list)
        case .set(var set):
            set.append(contentsOf: elements)
            nodes[place] = .set(set)
        case .opaque(var object):
            object.elements.append(contentsOf: elements)
            nodes[place] = .opaque(object)
        default: throw damaged("an element is added to something that is no list")
        }
    }

    private mutating func set(_ entries: [Int], in place: Int) throws(CheckpointError) {
        let node = nodes[place]
        nodes[place] = .none
        switch consume node {
        case .dictionary(var dictionary):
            dictionary.append(contentsOf: entries)
            nodes[place] = .dictionary(dictionary)
        case .opaque(var object):
            object.entries.append(contentsOf: entries)
            nodes[place] = .opaque(object)
        default: throw damaged("an entry is set in something that is no dictionary")
        }
    }
}
