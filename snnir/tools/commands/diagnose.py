"""Say which layer and which part of it takes the accuracy, and which option would mend most."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from snnir.errors import UserError
from snnir.tools.arguments import whole

LIMIT = 64


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="a build folder, made by snnc compile")
    add("--input", metavar="X.npz", required=True, help="inputs 'x' and, where known, labels 'y'")
    add(
        "--limit", metavar="N", type=whole(1), default=LIMIT,
        help=f"measure on the first N samples ({LIMIT})",
    )  # fmt: skip
    add(
        "--plots", metavar="DIR", type=Path,
        help="draw error.svg (by layer) and accuracy.svg (by timesteps, for each coding) there",
    )  # fmt: skip
    add("--json", action="store_true", help="print one JSON object")


def run(args: Namespace) -> int:
    from snnir.runtime.build import BuildFolder
    from snnir.runtime.samples import load_for
    from snnir.tools.diagnosing import accuracy_by_steps, diagnose
    from snnir.tools.output import print_json

    build = BuildFolder(args.folder)
    if build.windows != 1:
        raise UserError(
            "layers are put back to float for samples of one window alone",
            where=str(args.folder),
            hint="compile it without --windows to see what each layer costs",
        )
    samples = load_for(build.manifest, args.input).first(args.limit)
    if args.plots:
        if build.manifest["input"]["coding"] == "rate":
            what = "spikes come in as many steps as they are; no accuracy by timesteps can be drawn"
            raise UserError(what, where="--plots", hint="leave it out")
        _check_folder(args.plots)
    found = diagnose(build, samples)
    if args.plots:
        found["accuracy_by_timesteps"] = accuracy_by_steps(build, samples)
        _draw(args.plots, build.manifest["name"], found, samples.y is not None)
    if args.json:
        print_json(found)
    else:
        print(_as_text(found))
    return 0


def _check_folder(folder: Path) -> None:
    from snnir.tools.folders import cannot_write

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error, "--plots") from error


def _draw(folder: Path, name: str, found: dict[str, Any], labelled: bool) -> None:
    from snnir.tools.charts import line_chart
    from snnir.tools.files import write_bytes

    rows = found["layers"]
    series = {
        "trains, as compiled": [
            (i, 100 * row["error"]) for i, row in enumerate(rows) if row["error"] is not None
        ]
    }
    for cause in found["put_back_everywhere"]:
        series[f"outputs, by {cause}"] = [
            (i, 100 * row["repaired"][cause])
            for i, row in enumerate(rows)
            if cause in row["repaired"]
        ]
    series = {key: line for key, line in series.items() if line}
    drawings = {
        "error.svg": line_chart(
            f"{name}: error of each layer", "layer", "relative error [%]", series,
            [row["layer"] for row in rows],
        ),
        "accuracy.svg": line_chart(
            f"{name}: accuracy against timesteps, {found['samples']:,} samples",
            "timesteps T", "right [%]" if labelled else "as the float network [%]",
            {
                key: [(t, 100 * share) for t, share in line]
                for key, line in found["accuracy_by_timesteps"].items()
            },
        ),
    }  # fmt: skip
    for file, text in drawings.items():
        write_bytes(str(folder / file), text.encode())


def _as_text(found: dict[str, Any]) -> str:
    from snnir.tools.tables import MISSING, facts, number, percent, table

    causes = list(found["put_back_everywhere"])

    def points(value: float | None) -> str:
        return MISSING if value is None else f"{100 * value:.2f}"

    rows = [
        (
            row["layer"],
            points(row["error"]),
            row["predictions_that_differ"],
            *(points(row["repaired"].get(cause)) for cause in causes),
            points(row["repaired_by_all"]),
        )
        for row in found["layers"]
    ]
    lines = [
        table(("layer", "error %", "differ", *causes, "all of it"), rows),
        "",
        "error: of the layer's trains against the float network, all layers before as compiled",
        "differ: predictions that differ when all layers behind this one are float",
        "others: points by which the outputs' error falls with that part of the layer put back",
        "",
    ]
    compiled, best = found["compiled"], found["best_repair"]
    single = found["best_single_repair"]
    pairs = [
        ("samples", number(found["samples"])),
        ("float", f"accuracy {percent(found['float_accuracy'])}"),
        ("compiled", _outcome(compiled)),
    ]
    pairs += [(f"float {cause}", _outcome(found["put_back_everywhere"][cause])) for cause in causes]
    first = found["predictions_differ_from"]
    begin = f"differ from layer '{first}' on" if first else "are those of the float network"
    pairs += [
        ("predictions", begin),
        ("mends most", f"{best['cause']}: {best['option']}"),
        (
            "in one layer",
            f"{single['cause']} of '{single['layer']}', {points(single['repaired'])} points",
        ),
    ]  # fmt: skip
    return "\n".join([*lines, facts(pairs)])


def _outcome(one: dict[str, Any]) -> str:
    from snnir.tools.tables import percent

    right = "" if one["accuracy"] is None else f", accuracy {percent(one['accuracy'])}"
    return f"error {percent(one['error'])}, {one['differ']} predictions differ{right}"
