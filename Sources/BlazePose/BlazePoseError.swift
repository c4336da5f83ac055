/// What went wrong, in words a person can act on.
public enum BlazePoseError: Error, CustomStringConvertible, Equatable {
    /// A weight file is absent, unreadable or not the published one. Names the file and the command that fetches it.
    case weights(String)
    /// Pixels whose size and number of bytes do not fit together.
    case image(String)
    /// A network gave outputs of other shapes than the published models do.
    case model(String)

    /// One sentence: what happened to what, why, and what to do.
    public var description: String {
        switch self {
        case .weights(let text), .image(let text), .model(let text): text
        }
    }
}
