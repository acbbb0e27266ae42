"""The part of docs/results.md that is about systems, from docs/results.json; measures nothing."""

from __future__ import annotations

from collections.abc import Iterable

from results_systems import EnergyRow, System
from systems_table import early_exit, first_to_spike, volumes

STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16)

FIRST = """\
## First-to-spike networks

Neurons are generalised linear models, the output neuron that spikes first decides, in 16 steps
at most ([first-to-spike networks](glm.md)). Columns 1 to 16 are the steps after which the decision
is made in any case: accuracy of the C program over all test samples, and below it the steps that
were spent in the mean. `float` is the network of the same shape, trained as long. Clocks are those
of a sample with 16 steps.

"""

EARLY = """\

The same in four windows of four steps, filters going on from one to the next: behind each window
a sample may be over, and those behind are not run. `over` is the share of samples that ended
with each window, clocks are those of a sample, first as it stops, then of all windows; in
simulated Verilog, which stops as well, of the first samples. `early` was trained to be decided
in few windows.

"""

BITS = """\

Weights as planes of binary STT-RAM cells against SRAM, the form of SpinAPS' comparison, by the
[model](energy.md) `{model}`, with the spikes that the C program makes of {samples} samples.

"""

VOLUMES = """\
## Volumes

3-D convolutions ([volumes](volumes.md)): trained for Landsat Satimage, whose accuracy is
[above](#leaky-neurons), and in the published form of HybridSN, for its shape and cost, with
random weights. `network` and the columns behind it have the form of ACE-SNN's comparison:
networks of the same form, by the model `{model}`; the first layer in digital logic or in memory.

"""


def systems(kept: dict) -> str:
    """Both sections."""
    found = {
        row.name: measured(row, kept) for row in (*first_to_spike(), *early_exit(), *volumes())
    }
    return first_text(found) + volumes_text(found)


def commands(row: System) -> list[str]:
    """What a reader types."""
    return [" ".join(["snnc", *words]) for words in row.commands()]


def measured(row: System, kept: dict) -> dict | None:
    """What was measured of a row by these commands."""
    found = kept.get(row.name)
    return found if found and found["commands"] == commands(row) else None


def first_text(found: dict) -> str:
    lines = table("row", *map(str, STEPS), "float", "clocks", "RTL")
    for row in first_to_spike():
        said = found[row.name]
        if said is None:
            lines.append(line(row.title, *[""] * len(STEPS), "", "", "not measured"))
            continue
        by_steps = {one["steps"]: one for one in said["allowed"]}
        right = [percent(by_steps[n]["right"], said["samples"]) for n in STEPS]
        spent = [f"{by_steps[n]['spent']:.2f}" for n in STEPS]
        lines.append(line(
            row.title, *right, percent(said["float_right"], said["samples"]),
            f"{by_steps[16]['cycles']:,.0f}", same(said["verify"]),
        ))  # fmt: skip
        lines.append(line("steps", *spent, "", "", ""))
    text = FIRST + "\n".join(lines) + "\n" + EARLY + "\n".join(early_lines(found)) + "\n"
    energies = [(row, found[row.name]) for row in first_to_spike() if found[row.name]]
    if not energies:
        return text + "\n"
    of = energies[0][1]["energy"]
    lines = table("row", "synapses", "bit [fJ]", "synaptic operation [pJ]", "inference [nJ]",
                  "cells [mm2]", "GSOPS/W", "GSOPS/W/mm2", "ratio")  # fmt: skip
    for row, said in energies:
        lines += [
            line(
                row.title, one["name"], f"{1000 * one['read_pj']:.1f}",
                f"{one['operation_pj']:.3f}", nanojoules(one["inference_pj"]),
                f"{one['area_mm2']:.4f}", f"{one['gsops_per_watt']:,.0f}",
                f"{one['gsops_per_watt_mm2']:,.0f}", f"{one['ratio']:.3g}",
            )
            for one in said["energy"]["spinaps"]
        ]  # fmt: skip
    return text + BITS.format(**of) + "\n".join(lines) + "\n\n"


def early_lines(found: dict) -> list[str]:
    lines = table("row", "images", "accuracy", "steps", "over", "clocks", "of all", "RTL: clocks",
                  "of all", "images", "equal to C")  # fmt: skip
    for row in early_exit():
        said = found[row.name]
        if said is None:
            lines.append(line(row.title, *[""] * 9, "not measured"))
            continue
        images, rtl = said["samples"], said["rtl"]
        good = rtl["equal"] and said["verify"]["equal"] and said["verify"]["cycles_equal"]
        lines.append(line(
            row.title, f"{images:,}", percent(said["right"], images), f"{said['spent']:.2f}",
            ", ".join(percent(count, images) for count in said["over"]),
            f"{said['cycles']:,.0f}", f"{said['cycles_of_all']:,.0f}", f"{rtl['cycles']:,.0f}",
            f"{rtl['cycles_of_all']:,.0f}", str(rtl["samples"]), "equal" if good else "NOT EQUAL",
        ))  # fmt: skip
    return lines


def volumes_text(found: dict) -> str:
    lines = table("row", "clocks", "equal", "network", "first layer [nJ]", "all [nJ]", "float/it",
                  "6 bit/it", "operations alone [nJ]", "float/it", "6 bit/it")  # fmt: skip
    for row in volumes():
        said = found[row.name]
        if said is None:
            lines.append(line(row.title, *[""] * 9, "not measured"))
            continue
        lines += energy_lines(row, said)
    models = [said["energy"]["model"] for said in found.values() if said and "energy" in said]
    return VOLUMES.format(model=(models or ["cmos-45nm"])[0]) + "\n".join(lines) + "\n\n"


def energy_lines(row: EnergyRow, said: dict) -> list[str]:
    lines, head = [], [row.title, f"{said['cycles']:,.0f}", same(said["verify"])]
    for one in said["energy"]["ace_snn"]:
        ratio = one["ratio"]
        lines.append(line(
            *head, one["name"], nanojoules(one["first_pj"]), nanojoules(one["total_pj"]),
            *(f"{ratio['total'][key]:.3g}" for key in ("float", "six_bit")),
            nanojoules(one["operations_pj"]),
            *(f"{ratio['operations'][key]:.3g}" for key in ("float", "six_bit")),
        ))  # fmt: skip
        head = ["", "", ""]
    return lines


def systems_commands(kept: dict) -> str:
    """How the rows are repeated."""
    parts = ["\n### Systems\n"]
    for row in (*first_to_spike(), *early_exit(), *volumes()):
        known = measured(row, kept) is not None
        parts.append(repeated(row.name, known, [row.recipe, *commands(row)]))
    return "".join(parts)


def repeated(name: str, known: bool, commands: list[str]) -> str:
    """A row's commands, below the one that does them all; `known`: whether it was measured."""
    first = f"python tools/results.py --row {name}{'' if known else '    # not measured yet'}"
    return indented([first, *commands])


def indented(lines: Iterable[str]) -> str:
    """Commands as a paragraph of the page."""
    return "\n".join(["", *(f"    {text}" for text in lines), ""])


def table(*columns: str) -> list[str]:
    return [line(*columns), "|---" * len(columns) + "|"]


def line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def percent(right: int, count: int) -> str:
    return f"{100 * right / count:.2f} %"


def nanojoules(picojoules: float) -> str:
    value = picojoules / 1000
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def same(verify: dict) -> str:
    """On how many samples, and whether clocks too, where engines count them."""
    good = verify["equal"] and verify["cycles_equal"] is not False
    return f"{'equal' if good else 'NOT EQUAL'}, {verify['samples']}"
