/// Names of classes and functions: old spellings are brought to today's, so that each stands once below.
enum PickleNames {
    /// The full name in Python 3's and the libraries' oldest public spelling.
    static func modern(module: String, name: String) -> String {
        var module = module
        if let renamed = modules[module] { module = renamed }
        for (prefix, replacement) in prefixes where module.hasPrefix(prefix) {
            module = replacement + module.dropFirst(prefix.count)
        }
        return "\(module).\(name)"
    }

    /// Python 2's modules (CPython `Lib/_compat_pickle.py`).
    private static let modules = ["__builtin__": "builtins", "copy_reg": "copyreg"]

    /// NumPy 2 and SciPy 1.8 moved theirs under private names.
    private static let prefixes = [
        ("numpy._core.", "numpy.core."), ("scipy.sparse._csc", "scipy.sparse.csc"),
        ("scipy.sparse._csr", "scipy.sparse.csr"),
    ]
}
