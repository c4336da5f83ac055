/// A setting with the values that somebody chose for it.
package struct Choice: Sendable, Equatable {
    /// Who chose: the later in this list, the more it counts.
    package enum Layer: Int, Sendable, Comparable {
        /// A key at the file's top, for all stages.
        case top
        /// A key in the stage's section.
        case section
        /// A variable for all stages, such as `POSEBUS_LOG_LEVEL`.
        case sharedVariable
        /// A variable of the stage, such as `POSEBUS_INGEST_LOG_LEVEL`.
        case variable
        /// The command line.
        case commandLine

        package static func < (left: Layer, right: Layer) -> Bool { left.rawValue < right.rawValue }
    }

    package let setting: Setting
    /// One value, or as many as a list has.
    package let values: [String]
    package let layer: Layer
    package let place: Place
    /// As messages name it: the key with its section, the variable, or the word.
    package let name: String

    /// The words of a command line that say the same.
    package var arguments: [String] { setting.arguments(values) }

    /// Whether a file chose.
    var isOfFile: Bool { layer < .sharedVariable }
}
