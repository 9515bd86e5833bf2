"""What exploitation is worth, as a figure of the report; `bench/pbt_ratio.py` prints it seed by seed."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, Goal
from bench.pbt_ratio import TASKS, compare, geometric_mean


def measure(seeds: int) -> Iterator[Figure]:
    """Yield the ratio of errors with and without exploitation, on the networks of examples/digits-pbt."""
    make_spec, make_step = TASKS["digits"]
    found = [compare(make_spec(), seed, make_step) for seed in range(1, seeds + 1)]
    wins = sum(comparison.ratio < 1 for comparison in found)
    yield Figure(
        "error of PBT by that of the same trials alone",
        geometric_mean(found),
        "",
        goal=Goal("<=", 1.0),
        note=f"geometric mean; better for {wins} of {seeds} seeds",
        samples=tuple(comparison.ratio for comparison in found),
    )
