"""Random networks through the whole ladder: integer reference, C and simulated Verilog.

    python tools/sweep_random.py [--count N] [--seed S] [--engines c,rtl] [--images M]

hypothesis draws the seeds of networks (layers, shapes, strides, paddings, dilations, groups, pools,
residuals, codings, steps, widths, arrays); each runs in the integer reference and in the named
engines. Every train, every potential and, between C and RTL, every clock count must be equal. The
first network that differs is printed with its seed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import collections
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from xdsl.context import Context

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from random_networks import RandomNetwork, network_from_seed  # noqa: E402

from snnir.errors import UserError  # noqa: E402
from snnir.interpreters.snn import run_snn  # noqa: E402
from snnir.passes.event_schedule import EventSchedulePass  # noqa: E402
from snnir.passes.tile_to_pe import TileToPePass  # noqa: E402
from snnir.runtime.cmodel import CEngine  # noqa: E402
from snnir.runtime.compare import compare  # noqa: E402
from snnir.runtime.engine import EngineResult  # noqa: E402
from snnir.runtime.rtl import RtlEngine  # noqa: E402

ENGINES = {"c": CEngine, "rtl": RtlEngine}


def differences(network: RandomNetwork, engines: list[str]) -> tuple[str, int]:
    """What differs between the engines ("" if nothing), and how many trains were compared.

    Raises:
        UserError: `tile-to-pe` refuses the network.
    """
    expected = run_snn(network.module, network.images)
    potentials = expected.potentials.reshape(len(network.frames), -1).astype(np.int64)
    results = {"interp": EngineResult(potentials, expected.trains)}
    TileToPePass(**network.options).apply(Context(), network.module)
    EventSchedulePass().apply(Context(), network.module)
    with tempfile.TemporaryDirectory() as folder:
        for name in engines:
            engine = ENGINES[name].from_module(network.module, Path(folder))
            results[name] = engine.run(network.frames)
    found = compare(results, RtlEngine.tables_of(network.module))
    compared = sum(layer.compared for layer in found.layers)
    if found.difference is not None:
        return str(found.difference), compared
    clocks = {name: results[name].cycles.tolist() for name in engines}
    if len({tuple(counts) for counts in clocks.values()}) > 1:
        return f"clocks differ: {clocks}", compared
    return "", compared


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="networks that must run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", default="c,rtl")
    parser.add_argument("--images", type=int, default=2, help="images for each network")
    args = parser.parse_args()
    engines = args.engines.split(",")
    tally: collections.Counter[str] = collections.Counter()
    begin = time.perf_counter()

    @seed(args.seed)
    @settings(
        max_examples=args.count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**31))
    def sweep(number: int) -> None:
        network = network_from_seed(number, args.images)
        try:
            problem, compared = differences(network, engines)
        except UserError as error:
            tally["refused"] += 1
            tally[f"refused: {re.sub(r'[0-9]+', 'N', error.what)}"] += 1
            return
        assert not problem, f"seed {number}: {problem}\n" + "\n".join(network.summary)
        tally["equal"] += 1
        tally["trains compared"] += compared
        tally[f"coding: {network.summary[0].split()[0]}"] += 1
        if sys.stderr.isatty():
            print(f"\r{tally['equal']} equal", end="", file=sys.stderr)

    try:
        sweep()
    except AssertionError as error:
        print(f"DIFFERENT: {error}")
        return 1
    print(f"{tally['equal']} networks equal in interp, {', '.join(engines)}")
    for name, count in sorted(tally.items()):
        print(f"  {count:>9,}  {name}")
    print(f"  {time.perf_counter() - begin:9.0f}  seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
