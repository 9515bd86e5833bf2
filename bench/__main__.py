"""`python -m bench`: take the figures that say how fast, quiet and flat Luthier is, and write them down.

Figures of a family are taken together. A figure that cannot be taken says why and stops no other. Cluster families
run on the embedded cluster (`dev/cluster`) with the operator installed by its chart, in namespaces of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from bench.places import IMPORTED_FROM

sys.path[:0] = IMPORTED_FROM

from bench import (  # noqa: E402
    against_peers,
    exploit,
    flat,
    freshness,
    population,
    recovery,
    report,
    scale,
    scrape,
    throughput,
    trivial,
)
from bench.figures import Figure, Missing, Result, as_table, load  # noqa: E402
from install import Installed, install  # noqa: E402
from support.e2e_place import Place, a_place  # noqa: E402
from target import Embedded  # noqa: E402


@dataclass(frozen=True)
class Family:
    """Figures that are taken together; with a namespace on the cluster, or without."""

    name: str
    minutes: float
    what: str
    here: Callable[[], Iterator[Figure]] | None = None
    there: Callable[[Place], Iterator[Figure]] | None = None


def families(*, quick: bool) -> tuple[Family, ...]:
    """Return all there are; quick ones are smaller and fewer."""
    rounds = 1 if quick else 3
    return (
        Family("flat", 2, "many simulated trials against 10", partial(flat.measure, 20_000 if quick else 100_000)),
        Family("scrape", 1, "the operator's metrics page with many experiments", partial(scrape.measure, 1000)),
        Family(
            "throughput", 2, "trivial trials against raw Ray Tune", partial(throughput.measure, 100 * rounds, rounds)
        ),
        Family("exploit", 2, "PBT against raw Ray Tune's", partial(exploit.sizes, quick=quick)),
        Family("population", 1, "what exploitation is worth", partial(population.measure, 1 + rounds)),
        Family(
            "peers",
            8,
            "12 trials of 5 s, 3 at a time: the operator, the same by hand, a Job",
            there=partial(against_peers.measure, rounds=rounds),
        ),
        Family("trivial", 2, "300 trials of no length, as processes and as pods", there=trivial.measure),
        Family("writes", 1, "what a trial costs the API server", there=trivial.writes),
        Family("freshness", 1, "how old a result is when it is read", there=freshness.measure),
        Family("worker-killed", 1, "a worker pod killed, to the next result", there=recovery.worker_killed),
        Family("worker-frozen", 1, "a node frozen, to the next result", there=recovery.worker_frozen),
        Family("driver-killed", 1, "the driver killed, to the next result", there=recovery.driver_killed),
        Family(
            "scale",
            6,
            "many experiments on fake nodes, made and at rest",
            there=partial(scale.measure, experiments=100 if quick else 1000),
        ),
    )


def main() -> int:
    """Take what was asked for; return 0 if every figure could be taken, whatever its goal."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was begun is cleared away
    chosen = [family for family in families(quick=asked.quick) if not asked.only or family.name in asked.only]
    began = time.monotonic()
    results: dict[str, list[Result]] = {}
    cluster: Installed | None = None
    for family in chosen:
        print(f"==> {family.name}: {family.what} (about {family.minutes:g} min)", flush=True)
        if family.there and cluster is None:
            cluster = _cluster(as_it_is=asked.as_it_is)
        results[family.name] = list(_taken(family, cluster))
        print(as_table(results[family.name]), flush=True)
        if not asked.dry:
            titles = {f.name: f.what for f in families(quick=False)}
            report.write(results, titles)
    print(f"\n{as_table(result for taken in results.values() for result in taken)}")
    print(f"took {(time.monotonic() - began) / 60:.1f} min")
    return int(any(isinstance(result, Missing) for taken in results.values() for result in taken))


def _arguments() -> argparse.Namespace:
    every = families(quick=False)
    names = "\n".join(f"  {family.name:<14} {family.what}, about {family.minutes:g} min" for family in every)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"{__doc__}\nFamilies:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = [family.name for family in every]
    parser.add_argument("--only", nargs="+", metavar="FAMILY", choices=known, help="only these families")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer: whether it works, not what it says")
    parser.add_argument("--as-it-is", action="store_true", help="use the embedded cluster and operator as they stand")
    parser.add_argument("--dry", action="store_true", help="print only; write neither results.json nor the page")
    return parser.parse_args()


def _cluster(*, as_it_is: bool) -> Installed:
    target = Embedded()
    return Installed(target.start(), target.tools(), target) if as_it_is else install(target=target)


def _taken(family: Family, cluster: Installed | None) -> Iterator[Result]:
    """Yield the figures of a family with the load before and after, and why some are missing."""
    before = load()
    try:
        with contextlib.ExitStack() as stack:
            if family.here:
                figures = family.here()
            else:
                assert family.there is not None
                assert cluster is not None
                figures = family.there(stack.enter_context(a_place(cluster, f"bench-{family.name}")))
            for figure in figures:
                yield replace(figure, load=(before, load()))
    except Exception as error:  # whatever it is, the other families are still wanted
        traceback.print_exc()
        words = str(error).splitlines()
        yield Missing(family.name, f"{type(error).__name__}: {words[0][:200] if words else ''}")


if __name__ == "__main__":
    sys.exit(main())
