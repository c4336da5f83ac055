/// Reads a pickle's instructions and records, as data, what they describe. It never looks up, imports or calls anything.
///
/// Source of the instructions: CPython `Lib/pickletools.py`, protocols 0 to 5. Memory is bounded by the file's size: an
/// instruction makes at most one node, of which there may be `mostNodes`.
struct PickleMachine {
    let source: FileSlice
    let bytes: UnsafeRawBufferPointer
    var position = 0
    var nodes: [PickleNode] = []
    var stack: [Int] = []
    var marks: [Int] = []
    var memo: [Int: Int] = [:]
    /// The storages that tensors lie in, in the order in which they are met.
    var storages: [TorchStorageReference] = []
    /// The place of the value that the pickle holds.
    private(set) var root = 0

    /// A hundred times what the largest published file has.
    static let mostNodes = 20_000_000

    private init(source: FileSlice, bytes: UnsafeRawBufferPointer) {
        self.source = source
        self.bytes = bytes
    }

    /// Reads one pickle from the beginning of `source`.
    ///
    /// - Returns: the machine as it stopped, and how many bytes the pickle took.
    static func run(_ source: FileSlice) throws(CheckpointError) -> (machine: PickleMachine, length: Int) {
        try source.withUnsafeBytes { bytes throws(CheckpointError) in
            var machine = PickleMachine(source: source, bytes: bytes)
            try machine.run()
            return (machine, machine.position)
        }
    }

    func damaged(_ reason: String) -> CheckpointError {
        CheckpointError(file: source.file.name, .malformed, "the pickle is damaged at byte \(position): \(reason)")
    }

    private mutating func run() throws(CheckpointError) {
        while true {
            guard position < bytes.count else { throw damaged("it ends in the middle, so the file may be cut off") }
            let instruction = bytes[position]
            position += 1
            if instruction == UInt8(ascii: ".") {
                root = try pop()
                return
            }
            try execute(instruction)
        }
    }

    private mutating func execute(_ instruction: UInt8) throws(CheckpointError) {
        if try pushConstant(instruction) { return }
        if try pushBytes(instruction) { return }
        if try changeContainer(instruction) { return }
        switch instruction {
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "0"):
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): stack.append(try top())
        case UInt8(ascii: "g"): try fetch(try decimal())
        case UInt8(ascii: "h"): try fetch(try unsigned(1))
        case UInt8(ascii: "j"): try fetch(try unsigned(4))
        case UInt8(ascii: "p"): memo[try decimal()] = try top()
        case UInt8(ascii: "q"): memo[try unsigned(1)] = try top()
        case UInt8(ascii: "r"): memo[try unsigned(4)] = try top()
        case 0x94: memo[memo.count] = try top()
        case 0x80:
            let version = try unsigned(1)
            guard version <= 5 else {
                throw CheckpointError(
                    file: source.file.name, .unsupported, "it is a pickle of protocol \(version); 0 to 5 are known")
            }
        case 0x95: _ = try unsigned(8)
        case UInt8(ascii: "c"):
            let module = try line()
            try push(.global(PickleNames.modern(module: module, name: try line())))
        case 0x93:
            let name = try text(try pop())
            try push(.global(PickleNames.modern(module: try text(try pop()), name: name)))
        case UInt8(ascii: "P"): try refer(to: try push(.text(try line())), isOnStack: true)
        case UInt8(ascii: "Q"): try refer(to: try pop(), isOnStack: false)
        case UInt8(ascii: "R"), 0x81:
            let arguments = try pop()
            try construct(try pop(), arguments)
        case 0x92:
            _ = try pop()
            let arguments = try pop()
            try construct(try pop(), arguments)
        case UInt8(ascii: "i"):
            let module = try line()
            let name = PickleNames.modern(module: module, name: try line())
            let arguments = try add(.tuple(try popToMark()))
            try construct(try add(.global(name)), arguments)
        case UInt8(ascii: "o"):
            let values = try popToMark()
            guard let callee = values.first else { throw damaged("an object has no class") }
            try construct(callee, try add(.tuple(Array(values.dropFirst()))))
        case UInt8(ascii: "b"):
            let state = try pop()
            try build(try top(), state)
        case 0x82, 0x83, 0x84, 0x97, 0x98:
            throw CheckpointError(
                file: source.file.name, .unsupported,
                "its pickle refers to data outside the file (instruction "
                    + "\(instruction) at byte \(position - 1))")
        default: throw damaged("\(instruction) is no instruction of a pickle")
        }
    }

    // MARK: - Nodes and stack

    /// Adds a value without putting it on the stack.
    mutating func add(_ node: PickleNode) throws(CheckpointError) -> Int {
        guard nodes.count < Self.mostNodes else {
            throw damaged("it describes more than \(Self.mostNodes) values")
        }
        nodes.append(node)
        return nodes.count - 1
    }

    @discardableResult
    mutating func push(_ node: PickleNode) throws(CheckpointError) -> Int {
        let place = try add(node)
        stack.append(place)
        return place
    }

    mutating func pop() throws(CheckpointError) -> Int {
        guard stack.count > (marks.last ?? 0), let place = stack.popLast() else { throw damaged("its stack is empty") }
        return place
    }

    func top() throws(CheckpointError) -> Int {
        guard stack.count > (marks.last ?? 0), let place = stack.last else { throw damaged("its stack is empty") }
        return place
    }

    mutating func popToMark() throws(CheckpointError) -> [Int] {
        guard let mark = marks.popLast() else { throw damaged("a mark is missing") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func fetch(_ key: Int) throws(CheckpointError) {
        guard let place = memo[key] else { throw damaged("it refers to value \(key), which is not there") }
        guard stack.count < Self.mostNodes else { throw damaged("its stack grows without end") }
        stack.append(place)
    }

    func text(_ place: Int) throws(CheckpointError) -> String {
        guard let text = nodes[place].string else { throw damaged("text is expected") }
        return text
    }
}
