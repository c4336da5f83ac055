internal import Foundation

/// Who may use the API: whoever shows one of these words.
package struct APIKeys: Sendable {
    /// What is wrong with a file of keys, and what to do.
    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }

    private let keys: [[UInt8]]

    /// Keys that are known already.
    package init(_ keys: [String]) {
        self.keys = keys.map { Array($0.utf8) }
    }

    /// Reads a file: one key a line, without spaces around it; empty lines and those that begin with # do not count.
    init(file: String) throws {
        guard let data = FileManager.default.contents(atPath: file),
            let text = String(validating: data, as: UTF8.self)
        else { throw Unusable(description: "\(file): there is no such file, or it is no text") }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !lines.isEmpty else {
            throw Unusable(description: "\(file): there is no key in it. Make one: openssl rand -hex 24 > '\(file)'")
        }
        guard lines.allSatisfy({ $0.utf8.count >= 16 }) else {
            throw Unusable(
                description:
                    "\(file): a key of fewer than 16 characters can be guessed. Make longer ones: openssl rand -hex 24")
        }
        self.init(lines)
    }

    /// Whether a word is one of them. It takes as long for a wrong one, however much of it is right.
    func contains(_ word: some StringProtocol) -> Bool {
        let word = Array(word.utf8)
        var isKnown = false
        for key in keys {
            var difference = key.count ^ word.count
            for index in word.indices { difference |= Int(word[index] ^ key[index % key.count]) }
            if difference == 0 { isKnown = true }
        }
        return isKnown
    }
}
