"""Writes docs/results.md and its figures from docs/results.json; measures nothing."""

from __future__ import annotations

from pathlib import Path

from results_glance import glance
from results_rows import Network, Row, Section
from results_table import sections
from systems_page import indented, line, percent, repeated, systems, systems_commands, table

from snnir.tools.charts import line_chart

DOCS = Path(__file__).parent.parent / "docs"
STORE = DOCS / "results.json"
PAGE = DOCS / "results.md"
FIGURES = {"results_mnist.svg": "mnist", "results_cifar10.svg": "cifar10"}
"""File of a drawing to the data of its networks."""

HEAD = """\
# Accuracy, measured

`tools/results.py` measures the rows below, keeps them in `docs/results.json` and writes this page.
`float` is the share of right answers of the float network under onnxruntime, `C program` that of
the fast engine of `snnc run` (`--engine fast`), `lost` the difference in points. `asked` is what
may be lost. `spikes` are those of a neuron in an image, on average over {counted} images. `RTL`
says on how many images every train of every layer and all potentials were equal in the integer
reference, the C program, the fast engine and the simulated Verilog (`snnc verify`), clock counts
of C and Verilog too.

Weights of networks that are converted without training are rounded, and thresholds chosen, on the
first images of the training set, as many as `--samples` says; no random numbers are drawn. Recipes
draw theirs from seed 7. Of CIFAR-10 the first 40,000 training images are for training, the last
10,000 are held out (`held-out`), and `test` are the first 1,000 test images.

Measured on pages of their own: [recurrent networks](streams.md); speed and synthesis of
[full-size networks](full_size.md).

"""

COMMANDS = """\
## How a row is repeated

`SNNIR_DATA` is a folder with `models/` and `data/` (MNIST's idx files, CIFAR-10's binary version,
Landsat Satimage's `sat.trn` and `sat.tst`, in `data/mnist`, `data/cifar10` and
`data/landsat-satimage`), `MODELS` one of networks that were trained, `W` any folder:

    python tools/results.py --prepare $W
    python tools/results.py --row NAME --models $MODELS --work $W
    python tools/results.py --page

The second line does what is listed here for the row, from the root of the repository, and counts
spikes; the last writes this page. Where networks are trained, the commands that make them stand at
the head of a section, each once and behind those whose files it reads; the ResNet-18 that teaches
others has its own section.
"""

COLUMNS = ("row", "weights", "split", "images", "seed", "float", "C program", "lost", "asked", "",
           "spikes", "RTL")  # fmt: skip


def page(kept: dict) -> str:
    """The page.

    Args:
        kept: what results.json holds.
    """
    counted = {found["spikes"]["samples"] for found in kept.values() if "spikes" in found} or {0}
    parts = [HEAD.format(counted=f"up to {max(counted):,}")]
    rows = [row for section in sections() for row in section.rows]
    parts.append(glance([(row, found) for row in rows if (found := measured(row, kept))]))
    parts += [section_text(section, kept) for section in sections()]
    parts.append(systems(kept))
    parts.append("## Points lost by bits\n\n")
    parts += [
        f"![Points lost by weight bits, {data}]({name})\n\n" for name, data in FIGURES.items()
    ]
    parts.append(COMMANDS)
    for section in sections():
        parts.append(f"\n### {section.title}\n")
        parts.append(recipes_text(section))
        parts += [
            repeated(row.name, measured(row, kept) is not None, commands(row))
            for row in section.rows
        ]
    parts.append(systems_commands(kept))
    return "".join(parts)


def section_text(section: Section, kept: dict) -> str:
    lines = table(*COLUMNS)
    for row in section.rows:
        lines += row_lines(row, measured(row, kept))
    asked = [asked_text(network, section, kept) for network in networks(section)]
    text = " ".join([section.text, *filter(None, asked)])
    return f"## {section.title}\n\n{text}\n\n" + "\n".join(lines) + "\n\n"


def networks(section: Section) -> list[Network]:
    return list(dict.fromkeys(row.network for row in section.rows))


def asked_text(network: Network, section: Section, kept: dict) -> str:
    """Whether the float network is as accurate as asked for."""
    if network.asked is None:
        return ""
    for row in section.rows:
        found = measured(row, kept)
        if row.network == network and found:
            said = []
            for split, of in found["accuracy"].items():
                right, images = of["float_right"], of["samples"]
                reached = "reached" if 100 * right >= network.asked * images else "missed"
                said.append(f"{percent(right, images)} ({split}, {reached})")
            text = f"Float accuracy of {network.title}: at least {network.asked:g} % asked for, "
            return f"{text}{', '.join(said)}."
    text = f"Float accuracy of {network.title}: at least {network.asked:g} % asked for, "
    return f"{text}not measured."


def measured(row: Row, kept: dict) -> dict | None:
    """What was measured of a row, None if that was another model or other options."""
    found = kept.get(row.name)
    same = found and found["commands"] == commands(row) and "accuracy" in found
    return found if same else None


def commands(row: Row) -> list[str]:
    """What a reader types, on the whole."""
    return [" ".join(["snnc", *words]) for words in row.commands()]


def row_lines(row: Row, found: dict | None) -> list[str]:
    """Lines of the table: one for each split."""
    head = [f"{row.network.title}, {row.setting}{f', {row.mark}' if row.mark else ''}",
            f"{row.bits} bits"]  # fmt: skip
    asked = "" if row.within is None else f"{row.within:g}"
    if found is None:
        empty = [*head, ", ".join(row.splits), "", "", "not measured", "", "", asked, "", "", ""]
        return [line(*empty)]
    spikes, verify = found["spikes"], found.get("verify")
    equal = "not verified"
    if verify:
        same = verify["equal"] and verify["cycles_equal"]
        equal = f"{'equal' if same else 'NOT EQUAL'}, {verify['samples']}"
    lines = []
    for split, of in found["accuracy"].items():
        images = of["samples"]
        lost = of["float_right"] - of["right"]
        reached = ""
        if row.within is not None:
            reached = "reached" if row.keeps(of) else "missed"
        lines.append(line(
            *head, split, f"{images:,}", "-" if found["seed"] is None else str(found["seed"]),
            percent(of["float_right"], images), percent(of["right"], images),
            f"{100 * lost / images:.2f}", asked, reached,
            f"{spikes['total'] / (spikes['neurons'] * spikes['samples']):.2f}",
            equal,
        ))  # fmt: skip
    return lines


def recipes_text(section: Section) -> str:
    """The commands that make the networks of a section, each once."""
    recipes = (recipe for row in section.rows for recipe in (row.network.recipe, row.recipe))
    lines = dict.fromkeys(text for recipe in recipes if recipe for text in recipe.split(" && "))
    return indented(lines) if lines else ""


def figure(name: str, kept: dict) -> str:
    """A drawing of FIGURES: points lost by weight bits, without training, radix T = 4."""
    series: dict[str, list[tuple[float, float]]] = {}
    for section in sections():
        for row in section.rows:
            found, data = measured(row, kept), row.network.data
            if found and not row.mark and row.setting == "radix T = 4" and data == FIGURES[name]:
                of = found["accuracy"][row.splits[0]]
                lost = 100 * (of["float_right"] - of["right"]) / of["samples"]
                series.setdefault(row.network.title, []).append((row.bits, lost))
    several = {title: sorted(points) for title, points in series.items() if len(points) > 2}
    if not several:
        several = {"not measured": [(8, 0.0)]}
    return line_chart("Radix T = 4, without training", "bits of a weight", "points lost", several)
