"""Prove that the printed datapath of each neuron does what the neuron says, for all inputs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnir.errors import UserError

if TYPE_CHECKING:
    from snnir.proof.datapath import DatapathProof
    from snnir.proof.unit import Answer, CounterExample
    from snnir.runtime.build import BuildFolder

LIMIT = 120.0
QUESTION = 20.0


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="a build folder, made by snnc compile")
    add(
        "--neuron", metavar="NAME", action="append",
        help="only the datapaths of this neuron; may be repeated",
    )  # fmt: skip
    add(
        "--limit", metavar="S", type=float, default=LIMIT,
        help=f"seconds for each datapath ({LIMIT:g}); what is still open then is not proved",
    )  # fmt: skip
    add("--json", action="store_true", help="print one JSON object")


def run(args: Namespace) -> int:
    from snnir.proof.smt import PROVED, z3
    from snnir.runtime.build import BuildFolder
    from snnir.tools.output import print_json

    if not args.limit > 0:
        raise UserError(f"a limit of {args.limit:g} s", where="--limit", hint="give seconds")
    z3()
    build = BuildFolder(args.folder)
    if not build.has_verilog:
        raise UserError(
            "it holds no Verilog", where=str(args.folder), hint="compile without --no-verilog"
        )
    proofs = _proofs(build, args.neuron, args.limit)
    proved = all(proof.answer == PROVED for proof in proofs)
    if args.json:
        print_json({"proved": proved, "datapaths": [_as_json(proof) for proof in proofs]})
    else:
        print(_as_text(proofs))
    return 0 if proved else 1


def _proofs(build: BuildFolder, only: list[str] | None, limit: float) -> list[DatapathProof]:
    from snnir.hardware.reconfigurable.file import read_machine
    from snnir.proof.datapath import prove_datapath
    from snnir.proof.program import datapaths
    from snnir.runtime.progress import step
    from snnir.tools.machine_build import MACHINE

    machine = None
    if build.manifest["machine"] is not None:
        machine = read_machine(build.path / MACHINE)
    with step("reading the design"):
        hardware = build.stage("hw")
        found = list(datapaths(build.snn, build.tables, hardware, machine))
        _check_printed(build, found[0][3].design)
    names = sorted({mode.neuron for _, mode, *_ in found})
    for name in only or ():
        if name not in names:
            raise UserError(
                f"no neuron '{name}' in it", where=str(build.path),
                hint=f"its neurons are {', '.join(names)}",
            )  # fmt: skip
    proofs = []
    for neuron, mode, layers, unit in found:
        if only and mode.neuron not in only:
            continue
        label = ", ".join(layer.layer for layer in layers)
        with step(f"@{mode.neuron} of {label}"):
            part = {"question": min(QUESTION, limit), "limit": limit}
            proofs.append(prove_datapath(neuron, mode, layers, unit, **part))
    return proofs


def _check_printed(build: BuildFolder, design: Any) -> None:
    """That the Verilog which lies there is that of the design which is proved."""
    from snnir.backends.verilog import verilog_files

    for name, text in verilog_files(design).items():
        file = build.path / "verilog" / name
        if not file.is_file() or file.read_text() != text:
            raise UserError("not the Verilog of its own IR", where=str(file), hint="compile again")


def _as_json(proof: DatapathProof) -> dict[str, Any]:
    example, mode = proof.example, proof.mode
    return {
        "neuron": proof.neuron,
        "layers": proof.layers,
        "coding": mode.coding,
        "planes": mode.planes,
        "steps": mode.steps,
        "answer": proof.answer,
        "ranges_proved": proof.ranges,
        "bits": proof.width,
        "clocks": proof.clocks,
        "values": proof.terms,
        "cut_points": proof.cuts,
        "questions": list(proof.questions),
        "channel_groups": proof.groups,
        "seconds": round(proof.seconds, 2),
        "open": proof.open,
        "counter_example": example and {
            "params": example.params,
            "currents": example.currents,
            "other_clocks": [
                {"port": port, "clocks_late": late, "value": value}
                for (port, late), value in example.before.items()
            ],
            "states": example.states,
            "neuron": _answer(example.region),
            "datapath": _answer(example.datapath),
        },
    }  # fmt: skip


def _answer(answer: Answer) -> dict[str, Any]:
    found = {"spikes": answer.spikes, "membrane": answer.membrane}
    return found | {"kept": list(answer.states)} if answer.states else found


def _as_text(proofs: list[DatapathProof]) -> str:
    from snnir.proof.smt import PROVED, REFUTED
    from snnir.tools.tables import duration, number, table

    words = {PROVED: "proved", REFUTED: "WRONG"}
    rows = [
        (
            proof.neuron,
            ", ".join(proof.layers),
            f"{proof.mode.steps} of {proof.mode.planes}",
            str(proof.width),
            f"{proof.cuts} of {proof.terms}",
            number(sum(proof.questions)),
            duration(proof.seconds),
            words.get(proof.answer, "NOT PROVED"),
        )
        for proof in proofs
    ]
    head = ("neuron", "layers", "steps", "bits", "cut points", "questions", "time", "datapath")
    lines = [table(head, rows), ""]
    for proof in proofs:
        if proof.example is not None:
            lines += [_example(proof, proof.example), ""]
        elif proof.answer != PROVED:
            lines += [f"@{proof.neuron}: open are {_some(proof.open)}", ""]
    done = sum(proof.answer == PROVED for proof in proofs)
    if done == len(proofs):
        lines.append(
            "PROVED: for all currents and parameters in their ranges every spike and membrane of "
            "the printed\ndatapaths is the neuron's, over all steps, and no value leaves its width."
        )
    else:
        lines.append(f"NOT PROVED: {len(proofs) - done} of {len(proofs)} datapaths.")
    return "\n".join(lines)


def _some(items: list[str]) -> str:
    return ", ".join(items[:4]) + (f" and {len(items) - 4} more" if len(items) > 4 else "")


def _example(proof: DatapathProof, example: CounterExample) -> str:
    """The inputs, and what becomes of them on both sides."""
    from snnir.tools.tables import table

    inputs = [(f"current {plane}", str(value)) for plane, value in enumerate(example.currents)]
    inputs += [(name, str(value)) for name, value in example.params.items()]
    inputs += [
        (f"{port}, {abs(late)} clocks {'later' if late > 0 else 'earlier'}", str(value))
        for (port, late), value in example.before.items()
    ]
    kept = example.states or {}
    inputs += [(f"{name}, as it was kept", str(value)) for name, value in kept.items()]
    rows = [(name, value, value) for name, value in inputs]
    region, datapath = example.region, example.datapath
    answers = [("membrane", str(region.membrane), str(datapath.membrane))]
    if region.spikes:
        answers.insert(0, ("spikes", region.spikes, datapath.spikes))
    if region.states:
        kept = [", ".join(map(str, answer.states)) for answer in (region, datapath)]
        answers.append(("kept", *kept))
    return f"@{proof.neuron}, by both interpreters:\n" + table(
        ("", "neuron", "datapath"), [*rows, *answers]
    )
