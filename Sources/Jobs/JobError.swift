/// Says what happened to a job or its files, why, and what to do.
package struct JobError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
