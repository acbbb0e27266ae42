"""Each shipped neuron on 10,000 random steps: interpreter, C and Verilog (Verilator) compared.

    python tools/neuron_steps.py [--steps N] [--seed S] [NAME ...]

64 random channels have parameters of their own, currents are random; four steps make a life. Exit
status 1 where any spike or membrane differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from snnir.neurons.library import load_neuron, shipped
from snnir.runtime.neuron_steps import draw, interpreted, printed_c, simulated

STEPS = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(shipped()))
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    all_lives = []
    for name in args.names:
        neuron = load_neuron(name).op
        coding = "radix" if "radix" in name or name == "ttfs" else "rate"
        all_lives.append(draw(neuron, coding, STEPS, -(-args.steps // STEPS), args.seed))
    different = 0
    print("| neuron | steps | spikes | bits | different in C | in Verilog |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        verilog = simulated(all_lives, Path(folder))
        for name, lives, rtl in zip(args.names, all_lives, verilog, strict=True):
            want = interpreted(lives)
            wrong = []
            for got in (printed_c(lives, Path(folder)), rtl):
                wrong.append(int(((got[0] != want[0]) | (got[1] != want[1])).sum()))
            fires = lives.neuron.emission.data != "none"
            spikes = f"{sum(int(word).bit_count() for word in want[0]):,}" if fires else "-"
            row = (f"`{name}`", f"{lives.steps:,}", spikes, lives.bits, *wrong)
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
            different += sum(wrong)
            assert len(np.unique(want[0])) > 2 or not fires, "trains worth comparing"
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
