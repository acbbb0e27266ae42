"""What a program takes, gives and holds, in the words of the manifest."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from snnir.schedule.program import ProgramTables


def model_input(module: ModuleOp) -> tuple[int, ...]:
    """The shape of an imported model's input, batch of 1 included."""
    from snnir.analysis.network import network_of

    return tuple(network_of(module).body.block.args[0].type.get_shape())


def tables_of(module: ModuleOp) -> ProgramTables:
    from snnir.dialects.pe import ProgramOp
    from snnir.schedule.reading import read_program

    return read_program(next(op for op in module.ops if isinstance(op, ProgramOp)))


def describe_input(snn: ModuleOp, shape: tuple[int, ...]) -> dict[str, Any]:
    """What the machine takes: pixels u that stand for scale[c] * (u - zero[c]), padded.

    An image of four extents is a volume, (C, D, H, W).

    With the coding `rate` they are words of trains; n spikes of T stand for scale[c] * n / T.
    """
    from snnir.analysis.network import encode_of
    from snnir.dialects.assembly import int_list

    op = encode_of(snn)
    train = op.train.type
    zero = op.zero.get_values() if op.zero else [0.0] * train.dims[0]
    return {
        "shape": list(shape[1:]),
        "image": list(op.unpadded),
        "pads": list(int_list(op.pads)),
        "coding": "direct" if op.levels is not None else train.coding_name,
        "bits": op.pixel_bits,
        "scale": list(op.scale.get_values()),
        "zero": list(zero),
        "windows": op.window_count,
    }


def describe_output(snn: ModuleOp) -> dict[str, Any]:
    """What comes out: potentials V that stand for activation(scale[c] * V)."""
    from snnir.dialects.snn import ReadoutOp

    op = next(op for op in snn.walk() if isinstance(op, ReadoutOp))
    return {
        "layer": op.label.data,
        "shape": [*op.output.type.get_shape()][1:],
        "scale": list(op.scale.get_values()),
        "activation": op.activation.data,
        **({"decision": _decision(snn, op)} if op.decision is not None else {}),
        **({"goes_on": True} if op.goes_on is not None else {}),
    }


def _decision(snn: ModuleOp, op: Any) -> dict[str, Any]:
    """How scores are read: of how many steps, with how many bits below them, and the rules."""
    from snnir.analysis.network import encode_of

    given = op.decision.data
    return {
        "steps": op.current.type.steps.data * encode_of(snn).window_count,
        "bits": given["bits"].value.data,
        "ties": given["ties"].data,
        "silent": given["silent"].data,
    }


def describe_memory(tables: ProgramTables) -> list[dict[str, Any]]:
    """The machine's memories: how many, how wide [bit] and deep [words], and what they take."""
    from snnir.schedule.memories import memories

    return [
        {**asdict(memory), "bytes": -(-memory.bits // 8), "bram36": memory.bram36}
        for memory in memories(tables)
    ]
