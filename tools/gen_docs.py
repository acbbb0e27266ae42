"""Writes docs/passes.md, docs/dialects.md and the end of docs/neurons.md from code and tests.

    make docs

A pass is shown by its docstring, its options and the first case of its lit file with what the pass
makes of it; a validator by the first case of its `_invalid` file with the error that it gives.
"""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.irdl import OptionalDef, VariadicDef

from snnir.errors import UserError
from snnir.neurons.library import FOLDER as NEURONS
from snnir.neurons.library import shipped
from snnir.pipeline.plugins import make_context
from snnir.pipeline.run import check_module, run_pipeline
from snnir.tools.ir_printing import print_ir
from snnir.tools.listing import describe_pass, docstring
from snnir.tools.source import parse_module, split_source
from snnir.universe import UNIVERSE, pass_files

ROOT = Path(__file__).parent.parent
LIT = ROOT / "lit_tests" / "passes"

SHOWN = 60
"""Longer IR is cut after as many lines."""

SHOWN_MODULES = 3
"""Of larger hardware designs only the names of the modules are shown."""

_CHECK = re.compile(r"\s*// *[A-Z][A-Z0-9_]*(-(LABEL|NEXT|SAME|DAG|NOT|COUNT-\d+|EMPTY))?:")
_RUN = re.compile(r"// *RUN: *(.*)")
_SPEC = re.compile(r"-p +('[^']*'|\S+)")

_ORDER = (
    "simplify-onnx", "fold-batchnorm", "verify-onnx-convertible", "convert-onnx-to-snn", "equalise",
    "threshold-balance", "quantise", "verify-snn-integer", "tile-to-pe", "event-schedule",
    "verify-pe-schedule", "convert-pe-to-hw", "legalise-verilog",
)  # fmt: skip
"""The order in which a network meets the passes; others follow."""

PASSES_HEAD = """\
# Passes

Each pass does one step, is a file in `snnir/passes/` and can be run alone with `snn-opt -p`.
`make docs` writes this page from the passes and their tests; what the examples show was run.

| pass | what it does |
|---|---|
"""

DIALECTS_HEAD = """\
# Dialects

Three levels of one network, and below them xDSL's own `hw`, `comb` and `seq` for registers and
wires. `make docs` writes this page from `snnir/dialects/`.

"""


GENERATED = "<!-- From here on made by `make docs`. -->\n"


@dataclass(frozen=True)
class Example:
    """The first case of a lit file: what it says, the pass with its options, the IR."""

    text: str
    spec: str
    source: str


def first_example(file: Path, scratch: Path) -> Example:
    """Read a lit file's first case; what its RUN lines prepare is made in `scratch`."""
    lines = file.read_text().splitlines()
    runs = [found[1] for line in lines if (found := _RUN.match(line))]
    spec = ""
    for run in runs:
        run = run.replace("%S", str(file.parent)).replace("%t", str(scratch / "t"))
        if run.startswith("python "):
            subprocess.run([sys.executable, *shlex.split(run)[1:]], check=True)
        elif found := _SPEC.search(run):
            spec = found[1].strip("'")
            break
    body = "\n".join("" if _RUN.match(line) or _CHECK.match(line) else line for line in lines)
    source = split_source(body)[0]
    comment = re.search(r"(?:^//.*\n?)+", source, re.MULTILINE)
    text = comment[0] if comment else ""
    text = " ".join(line.removeprefix("//").strip() for line in text.splitlines())
    return Example(text if "expected-error" not in text else "", spec, source)


def first_network(module: ModuleOp) -> None:
    """Leave the first op that is no neuron, and the neurons that it may need."""
    ops = list(module.body.block.ops)
    others = [op for op in ops if op.name != "snn.neuron"]
    if others and others[0].regions:
        for op in others[1:]:
            op.detach()
            op.erase(safe_erase=False)


def text_of(module: ModuleOp) -> str:
    """The module for people: without `builtin.module`, neurons and large designs by name only."""
    parts = []
    ops = list(module.body.block.ops)
    for op in ops:
        if op.name == "snn.neuron":
            parts.append(f"snn.neuron @{op.sym_name.data} {op.emission.data} ...\n")
            continue
        if op.name.startswith("hw.module") and len(ops) > SHOWN_MODULES:
            parts.append(f"{op.name} @{op.sym_name.data} ...\n")
            continue
        stream = StringIO()
        print_ir(op, stream, elide=True)
        parts.append(stream.getvalue())
    return "".join(parts)


def run_example(file: Path, name: str) -> str:
    """The example of a pass as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        example = first_example(file, Path(folder))
        ctx = make_context()
        module = parse_module(ctx, example.source, file.name)
        check = name.startswith("verify-")
        if not check:
            check_module(module)
            first_network(module)
        before = text_of(module)
        try:
            run_pipeline(module, example.spec or name, ctx=ctx)
            after = text_of(module)
        except UserError as error:
            after = f"{error}\n"
        spec = example.spec.replace(folder + "/t", "calibration")
    words = f"{example.text}\n\n" if example.text else ""
    arrow = "is answered with" if check else f"becomes, by `{spec}`,"
    kind = "text" if check else "mlir"
    before, after = shortened(before), shortened(after)
    return f"{words}```mlir\n{before}```\n\n{arrow}\n\n```{kind}\n{after}```\n"


def shortened(text: str) -> str:
    lines = text.splitlines(keepends=True)
    rest = len(lines) - SHOWN
    return text if rest < 3 else "".join(lines[:SHOWN]) + f"... {rest} more lines\n"


def passes_page() -> str:
    known = pass_files()
    names = [n for n in _ORDER if n in known] + sorted(set(known) - set(_ORDER))
    first = {name: docstring(UNIVERSE.all_passes[name]()).split("\n")[0] for name in names}
    rows = "".join(f"| [`{name}`](#{name}) | {first[name]} |\n" for name in names)
    sections = []
    for name in names:
        _, _, rest = describe_pass(name).partition(": ")
        doc, _, options = rest.rpartition("\noptions:\n")
        options = (
            ""
            if options.strip() == "none"
            else f"```text\n{textwrap.dedent(options).strip()}\n```\n\n"
        )
        stem = known[name].stem
        invalid = "_invalid" if name.startswith("verify-") else ""
        file = LIT / f"{stem}{invalid}.mlir"
        example = run_example(file, name) if file.exists() else ""
        sections.append(f"\n## {name}\n\n{as_markdown(doc)}\n\n{options}{example}")
    return PASSES_HEAD + rows + "".join(sections)


def as_markdown(doc: str) -> str:
    """A docstring as Markdown: indented blocks that are no lists stay as they are written."""
    out, fenced = [], False
    lines = doc.strip().splitlines()
    for index, line in enumerate(lines):
        listed = re.match(r"\s*(- |\d\. )", line)
        block = line.startswith("    ") and not listed
        if block and not fenced and index and not lines[index - 1].strip():
            out.append("```text")
            fenced = True
        if fenced and line.strip() and not line.startswith("    "):
            out.insert(len(out) - (not out[-1]), "```")
            fenced = False
        if fenced:
            line = line.removeprefix("    ")
        entry = re.match(r"    ([\w-]+): (.*)", line)
        if not fenced and entry:
            line = f"- `{entry[1]}`: {entry[2]}"
        out.append(line)
    return "\n".join([*out, "```"] if fenced else out)


def dialects_page() -> str:
    parts = []
    for name, factory in UNIVERSE.all_dialects.items():
        dialect = factory()
        module = inspect.getmodule(next(iter(dialect.operations)))
        about = inspect.getdoc(inspect.getmodule(factory)) if module is None else module.__doc__
        parts.append(f"## {name}\n\n{as_markdown(inspect.cleandoc(about))}\n")
        for attribute in dialect.attributes:
            mark = "!" if attribute.name.split(".")[-1] and _is_type(attribute) else "#"
            parts.append(f"### `{mark}{attribute.name}`\n\n{as_markdown(doc_of(attribute))}\n")
        for op in dialect.operations:
            parts.append(f"### `{op.name}`\n\n{as_markdown(doc_of(op))}\n\n{''.join(fields(op))}")
    return DIALECTS_HEAD + "\n".join(parts)


def _is_type(attribute) -> bool:
    from xdsl.ir import TypeAttribute

    return issubclass(attribute, TypeAttribute)


def doc_of(cls) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def fields(op) -> Iterator[str]:
    """The operands, properties, results and regions of an op, a line each kind."""
    definition = op.get_irdl_definition()
    properties = [
        (key, isinstance(value, OptionalDef)) for key, value in definition.properties.items()
    ]
    for title, entries in (
        ("operands", [(key, _plural(value)) for key, value in definition.operands]),
        ("properties", [(key, "?" if optional else "") for key, optional in properties]),
        ("results", [(key, _plural(value)) for key, value in definition.results]),
        ("regions", [(key, "") for key, _ in definition.regions]),
    ):
        if entries:
            yield f"- {title}: {', '.join(f'`{key}`{mark}' for key, mark in entries)}\n"


def _plural(definition) -> str:
    if isinstance(definition, OptionalDef):
        return "?"
    return "..." if isinstance(definition, VariadicDef) else ""


def neurons_page() -> str:
    """What is written about the language, then its grammar and the shipped neurons as they are."""
    written, mark, _ = (ROOT / "docs" / "neurons.md").read_text().partition(GENERATED)
    parts = [written + mark]
    parts.append("\n## Shipped neurons\n")
    for name, path in shipped().items():
        parts.append(f"### `{name}`\n\n```text\n{path.read_text()}```\n")
    grammar = (NEURONS / "neuron.lark").read_text()
    parts.append(
        "## Grammar\n\nAs [lark](https://lark-parser.readthedocs.io) reads it; `_INDENT` and "
        f"`_DEDENT` are the ends of an indented block.\n\n```text\n{grammar}```\n"
    )
    return "\n".join(parts)


PAGES = {"passes.md": passes_page, "dialects.md": dialects_page, "neurons.md": neurons_page}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (ROOT / "docs" / page).write_text(make())
