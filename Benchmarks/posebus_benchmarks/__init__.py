"""PoseBus measured beside its peers. `Benchmarks/run` starts it."""
