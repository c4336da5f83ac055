/// Why a spool cannot be opened, or cannot be written for now.
package struct SpoolError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds that somebody decides by.
    package enum Kind: Sendable, Equatable {
        /// The disk is full, or the spool has reached its limit.
        case full
        /// Another process has this spool.
        case inUse
        /// The folder cannot be made, opened or written.
        case notWritable
        /// A file is of another release, or of another program.
        case notASpool
        /// The disk failed.
        case inputOutput
    }

    package let kind: Kind
    /// What happened to what, why, and what to do.
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
