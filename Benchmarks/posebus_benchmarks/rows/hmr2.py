"""HMR2, the network of 4D-Humans, on the processor."""

from ..bench import PEERS
from ..row import Check, Row, ratio

# A person in a frame, and eight that several cameras bring together.
BATCHES = (1, 8)


def own(bench):
    figures = {}
    for batch in BATCHES:
        one = bench.json([
            bench.program("posebus"), "bench", "hmr2", "--json", "--hmr2-dir", bench.hmr2_dir, "--device", "cpu", "--batch", batch,
            "--runs", max(5, 15 // batch)])
        figures[f"crops_per_second_{batch}"] = one["crops_per_second"]
        figures["operations_per_crop"] = one["operations_per_crop"]
        figures["product_operations_per_second"] = max(
            one["product_operations_per_second"], figures.get("product_operations_per_second", 0))
    return figures


def public(bench, *options, peer="hmr2", batches=BATCHES):
    """The public code; see peers/hmr2/measure.py."""
    return bench.json(
        [bench.python(peer), PEERS / "hmr2" / "measure.py", "--code", bench.public_hmr2, "--hmr2-dir", bench.hmr2_dir,
         *(word for batch in batches for word in ("--batch", batch)), *options])


def product_share(batch):
    """How much of the fastest product of any contender the network reaches."""

    def share(round):
        peak = max(figures["product_operations_per_second"] for figures in round.values())
        return round["PoseBus"][f"crops_per_second_{batch}"] * round["PoseBus"]["operations_per_crop"] / peak

    return share


def prepare(bench):
    bench.hmr2_dir, bench.public_hmr2, bench.python("hmr2")


CPU = Row(
    name="hmr2-cpu",
    title="HMR2 on the processor, batches of 1 and 8",
    against="4D-Humans' public code in fp32; libtorch's products in bfloat16",
    contenders={
        "PoseBus": own,
        "public code, fp32": public,
        "public code, bf16 autocast": lambda bench: public(bench, "--autocast"),
    },
    checks=[
        *(ratio(f"crops_per_second_{batch}", "PoseBus", "public code, fp32", 4, f"against fp32, batch {batch}") for batch in BATCHES),
        *(Check(f"of the product peak, batch {batch}", product_share(batch), 0.65, True) for batch in BATCHES),
    ],
    figure="crops_per_second_8", unit="crops/s",
    prepare=prepare,
    note="The peak is the best of our own products (four shapes) and libtorch 2.13's (four shapes) in the same round. The autocast "
         "of the public code is shown and not asked for.")

ROWS = [CPU]
