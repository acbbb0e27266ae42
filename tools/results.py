"""Measures the rows of docs/results.md, keeps them in docs/results.json and writes the page.

    SNNIR_DATA=... python tools/results.py --list
    SNNIR_DATA=... python tools/results.py --row NAME --row NAME ... [--models DIR] [--work DIR]
    python tools/results.py --page

Rows are those of tools/results_table.py; `--row` takes patterns too (`--row 'vgg11-*'`). Each is
compiled, run by the fast engine on all images of its splits, and verified in simulated Verilog. A
row that was measured before is replaced; `--page` writes the page from what is kept. A row whose
ONNX file is not there is named at the end, and the exit status is 1.

`--prepare DIR` only writes the samples that the commands on the page name.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from datasets import sample_file
from measure import snnc
from results_page import FIGURES, PAGE, STORE, commands, figure, page
from results_rows import SPLITS, Row
from results_systems import System, check
from results_table import all_rows
from systems_page import commands as system_commands
from systems_table import all_systems

from snnir.errors import UserError
from snnir.tools.arguments import positive, real, several

ROOT = Path(__file__).parent.parent
COUNTED = 200
"""Images over which spikes are counted."""


class Places:
    """Where `$SNNIR_DATA`, `$MODELS`, `$W` and the examples are."""

    def __init__(self, data: Path | None, models: Path | None, work: Path):
        self.data, self.work = data, work
        self.roots = {
            "$SNNIR_DATA": data,
            "$MODELS": models,
            "$W": work,
            "examples": ROOT / "examples",
        }

    def of(self, word: str) -> str:
        """A word of a command with its variable replaced.

        Raises:
            UserError: the folder was not named.
        """
        head, slash, rest = word.partition("/")
        if not slash or head not in self.roots:
            return word
        root = self.roots[head]
        if root is None:
            hint = {"$SNNIR_DATA": "set SNNIR_DATA", "$MODELS": "name it with --models"}[head]
            raise UserError(f"no folder {head} is known", hint=hint)
        return str(root / rest)

    def samples(self, row: Row, split: str) -> Path:
        path = Path(self.of(row.samples(split)))
        if not path.exists():
            if self.data is None:
                raise UserError("no folder of data is known", hint="set SNNIR_DATA")
            sample_file(self.data, row.network.data, split, self.work)
        return path


PARTS = ("accuracy", "verify")


def measure_system(row: System, places: Places) -> None:
    """Measures a row of docs/results.md that is of a system, and keeps what was found."""
    if row.data and not Path(places.of(row.samples)).exists():
        if places.data is None:
            raise UserError("no folder of data is known", hint="set SNNIR_DATA")
        sample_file(places.data, row.data, "test", places.work)
    check(row, places.of)
    start = time.perf_counter()
    save(row.name, {"commands": system_commands(row), **row.measure(places.of)})
    print(f"{row.name}: measured, {time.perf_counter() - start:.0f} s", flush=True)


def measure(row: Row, places: Places, parts: tuple[str, ...]) -> None:
    """Measures a row and keeps its figures, a part as soon as it is there.

    Args:
        parts: of PARTS. Another is kept as it was if the same integers were measured; accuracy is
            measured with them if not.
    """
    from snnir.runtime.build import BuildFolder

    for model in {row.model, row.network.model}:
        if not Path(places.of(model)).exists():
            raise UserError("not there", where=model)
    if row.converted:
        places.samples(row, "calibration")
    compiling, *_, verifying = row.commands()
    start = time.perf_counter()
    snnc(*map(places.of, compiling))
    build = BuildFolder(places.of(compiling[3]))
    integers = next(hash for name, hash in build.manifest["files"].items()
                    if name.endswith("-quantise.mlir"))  # fmt: skip
    found: dict = {"commands": commands(row), "seed": row.seed, "integers": integers}
    before = load().get(row.name, {})
    # How many images are verified has no part in what was measured.
    *same, _ = found["commands"]
    if before.get("commands", [])[:-1] == same and all(
        before.get(key) == found[key] for key in ("seed", "integers")
    ):
        found = before | found
    if "accuracy" in parts or "accuracy" not in found:
        found["accuracy"] = accuracies(row, places, build)
        found["spikes"] = spikes(build, np.load(places.samples(row, row.splits[-1]))["x"][:COUNTED])
        save(row.name, found)
        for split, of in found["accuracy"].items():
            lost = 100 * (of["float_right"] - of["right"]) / of["samples"]
            tell(row, f"{split}: {lost:+.2f} points lost", start)
    if "verify" in parts:
        places.samples(row, row.splits[-1])
        found["verify"] = verified(*map(places.of, verifying))
        save(row.name, found)
        tell(row, "equal" if found["verify"]["equal"] else "NOT EQUAL", start)


def tell(row: Row, what: str, start: float) -> None:
    print(f"{row.name}: {what}, {time.perf_counter() - start:.0f} s", flush=True)


def accuracies(row: Row, places: Places, build) -> dict:
    """Right answers of the C program and of the float network, by split."""
    from snnir.runtime.engines import run_engine

    found = {}
    for split in row.splits:
        samples = np.load(places.samples(row, split))
        x, labels = samples["x"], samples["y"]
        result = run_engine("fast", build, x, trains=False)
        right = int((result.potentials.argmax(axis=1) == labels).sum())
        expected = float_right(row, places, split, x, labels)
        found[split] = {"samples": len(x), "float_right": expected, "right": right}
    return found


def verified(*words: str) -> dict:
    """What `snnc verify` says."""
    status, compared = snnc(*words)
    trains = [layer["compared"] for layer in compared["layers"] if layer["kind"] == "trains"]
    return {
        "samples": compared["samples"],
        "engines": compared["engines"],
        "equal": compared["equal"] and status == 0,
        "cycles_equal": compared["cycles_equal"],
        "trains": sum(trains),
    }


def spikes(build, x: np.ndarray) -> dict:
    """Spikes of a neuron in an image, on average over neurons and images."""
    from snnir.runtime.engines import run_engine

    trains = run_engine("fast", build, x, trains=True).trains
    fired = {
        name: train for name, train in trains.items()
        if name.partition(".")[0] != "input" and not name.endswith(".pool")
    }  # fmt: skip
    neurons = sum(train[0].size for train in fired.values())
    total = sum(int(np.bitwise_count(train).sum(dtype=np.int64)) for train in fired.values())
    return {"samples": len(x), "neurons": neurons, "total": total}


def float_right(row: Row, places: Places, split: str, x: np.ndarray, labels: np.ndarray) -> int:
    """Right answers of the float network under onnxruntime; kept in the work folder."""
    from snnir.runtime.float_model import FloatModel

    path = Path(places.of(row.network.model))
    key = " ".join([hashlib.sha256(path.read_bytes()).hexdigest(), split, str(len(x)),
                    *row.network.pixel_options()])  # fmt: skip
    kept = places.work / "float.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if key not in known:
        inputs = real_pixels(row.network.pixel_options(), x)
        known[key] = int((FloatModel(path).predictions(inputs) == labels).sum())
        kept.write_text(json.dumps(known, indent=1))
    return known[key]


def real_pixels(options: tuple[str, ...], x: np.ndarray) -> np.ndarray:
    """What the float network takes of uint8 images, by the options of `snnc compile`."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    scale = positive(given["--input-scale"]) if "--input-scale" in given else 1 / 255
    values = x.astype(np.float32) * np.float32(scale)
    if "--mean" not in given:
        return values
    mean, std = (np.array(several(real)(given[name]), np.float32).reshape(-1, 1, 1)
                 for name in ("--mean", "--std"))  # fmt: skip
    return (values - mean) / std


def load() -> dict:
    return json.loads(STORE.read_text()) if STORE.exists() else {}


def save(name: str, found: dict) -> None:
    """Keep a row among those measured before."""
    kept = load() | {name: found}
    STORE.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


def chosen(patterns: list[str]) -> list[Row | System]:
    """The rows that patterns name, in the order of the page.

    Raises:
        UserError: a pattern names none.
    """
    rows = all_rows() | all_systems()
    for pattern in patterns:
        if not fnmatch.filter(rows, pattern):
            raise UserError(f"no row '{pattern}'", hint="--list names them all")
    return [row for name, row in rows.items() if any(fnmatch.fnmatch(name, p) for p in patterns)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="names of all rows")
    parser.add_argument("--row", action="append", default=[], metavar="NAME|PATTERN")
    parser.add_argument("--only", choices=PARTS, help="this part of each row; keep the other")
    parser.add_argument("--models", type=Path, metavar="DIR", help="networks trained by tools/")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keeps samples and builds here")
    parser.add_argument("--prepare", type=Path, metavar="DIR", help="write the samples, only these")
    parser.add_argument("--page", action="store_true", help="write docs/results.md")
    args = parser.parse_args()
    data = Path(os.environ["SNNIR_DATA"]) if os.environ.get("SNNIR_DATA") else None
    try:
        missing = run(args, data)
    except (UserError, OSError) as error:
        sys.exit(f"error: {error}" if isinstance(error, OSError) else str(error))
    if missing:
        sys.exit("\n".join(missing))


def run(args: argparse.Namespace, data: Path | None) -> list[str]:
    """Do what the options say; a line for each row that could not be measured."""
    missing = []
    if args.list:
        print("\n".join(all_rows() | all_systems()))
    if args.prepare:
        if data is None:
            raise UserError("no folder of data is known", hint="set SNNIR_DATA")
        for name, splits in SPLITS.items():
            for split in ("calibration", *splits) if name != "digits" else ():
                print(sample_file(data, name, split, args.prepare))
    rows = chosen(args.row)
    with tempfile.TemporaryDirectory(prefix="snnir-results-") as scratch:
        work = args.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        places = Places(data, args.models, work)
        for row in rows:
            print(f"{row.name} ...", file=sys.stderr, flush=True)
            try:
                if isinstance(row, System):
                    measure_system(row, places)
                else:
                    measure(row, places, (args.only,) if args.only else PARTS)
            except SystemExit as error:
                missing.append(f"{row.name}: not measured: {error}")
            except UserError as error:
                made = row.recipe or (not isinstance(row, System) and row.network.recipe)
                hint = f"; made by: {made}" if error.what == "not there" and made else ""
                missing.append(f"{row.name}: not measured: {error}{hint}")
    if args.page:
        kept = load()
        PAGE.write_text(page(kept))
        for name in FIGURES:
            (PAGE.parent / name).write_text(figure(name, kept))
    return missing


if __name__ == "__main__":
    main()
