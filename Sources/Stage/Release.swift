/// Which release of PoseBus this is.
public enum Release {
    /// Semantic version, as every program's `--version` prints it. Raised with each release; docs/upgrades.md says what may
    /// change between two.
    public static let version = "0.2.0"
}
