package import Foundation
package import Weights
internal import Yams

/// The file's values by the names of their keys.
package struct ConfigurationFile {
    private let node: Node
    private let file: String
    private let model: String

    /// Reads text.
    ///
    /// - Parameters:
    ///   - name: the file, for messages.
    ///   - model: what it should be the configuration of, for messages: "an HMR2 model".
    /// - Throws: `WeightError` that names file and line.
    package init(_ text: String, name: String, model: String) throws(WeightError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw WeightError(description: "\(name) is not readable as YAML: \(error)")
        }
        guard let root, root.mapping != nil else {
            throw WeightError(description: "\(name) is no configuration: its top level is not a mapping")
        }
        (node, file, self.model) = (root, name, model)
    }

    /// A file's text.
    ///
    /// - Throws: `WeightError` that names the file.
    package static func text(of url: URL) throws(WeightError) -> String {
        do {
            return try String(contentsOf: url, encoding: .utf8)
        } catch {
            throw WeightError(description: "\(url.path) cannot be read: \(error.localizedDescription)")
        }
    }

    func node(_ path: [String]) throws(WeightError) -> Node? {
        var current = node
        for (depth, key) in path.enumerated() {
            guard current.mapping != nil else {
                throw unexpected(Array(path[..<depth]), current, "a mapping")
            }
            guard let next = current[key] else { return nil }
            current = next
        }
        return current
    }

    func unexpected(_ path: [String], _ node: Node, _ expected: String) -> WeightError {
        let found: String
        switch node {
        case .scalar(let scalar): found = "“\(scalar.string.prefix(40))”"
        case .mapping: found = "a mapping"
        case .sequence(let values): found = "a list of \(values.count)"
        case .alias: found = "an alias"
        }
        let line = node.mark.map { ":\($0.line)" } ?? ""
        return WeightError(
            description:
                "\(file)\(line): \(path.joined(separator: ".")) is \(found) where \(expected) is expected; "
                + "this is not the configuration of \(model) that PoseBus can run")
    }

    /// As `count`, where there must be one.
    ///
    /// - Throws: `WeightError` that names file, line and key.
    package func requiredCount(_ path: [String], in range: ClosedRange<Int> = 1...1024) throws(WeightError) -> Int {
        guard let value = try count(path, in: range) else {
            throw WeightError(
                description: "\(file): \(path.joined(separator: ".")) is missing, so this is not the configuration of "
                    + "\(model)")
        }
        return value
    }

    /// A scalar that can only be one.
    ///
    /// - Throws: `WeightError` that names file, line and key.
    package func expect(_ path: [String], _ expected: String, ifPresent: Bool = false) throws(WeightError) {
        guard let node = try node(path) else {
            if ifPresent { return }
            throw WeightError(
                description:
                    "\(file): \(path.joined(separator: ".")) is missing, so this is not the configuration of "
                    + "\(model); \(expected) is expected there")
        }
        guard node.scalar?.string == expected else { throw unexpected(path, node, expected) }
    }

    /// A whole number; nil where there is none.
    ///
    /// - Throws: `WeightError` that names file, line and key.
    package func count(_ path: [String], in range: ClosedRange<Int> = 1...1024) throws(WeightError) -> Int? {
        guard let node = try node(path) else { return nil }
        guard let value = node.int, range.contains(value) else {
            throw unexpected(path, node, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A number above 0; nil where there is none.
    ///
    /// - Throws: `WeightError` that names file, line and key.
    package func number(_ path: [String]) throws(WeightError) -> Float? {
        guard let node = try node(path) else { return nil }
        guard let value = node.float, value.isFinite, value > 0 else {
            throw unexpected(path, node, "a number above 0")
        }
        return Float(value)
    }

    /// Three numbers above 0; nil where there are none.
    ///
    /// - Throws: `WeightError` that names file, line and key.
    package func triple(_ path: [String]) throws(WeightError) -> [Float]? {
        guard let node = try node(path) else { return nil }
        let values = node.sequence?.compactMap { $0.float.map(Float.init) } ?? []
        guard values.count == 3, values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw unexpected(path, node, "a list of three numbers above 0")
        }
        return values
    }

    /// A truth value; nil where there is none.
    ///
    /// - Throws: `WeightError` that names file, line and key.
    package func bool(_ path: [String]) throws(WeightError) -> Bool? {
        guard let node = try node(path) else { return nil }
        guard let value = node.bool else { throw unexpected(path, node, "true or false") }
        return value
    }
}
