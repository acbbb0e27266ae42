"""The room that a machine has beyond the programs that it is chosen for.

Numbers that count something small are given whole bits; addresses the whole of their memory;
memories whole block RAMs. `LEAST` adds what other networks of the same kind commonly need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from snnir.hardware.columns import bits_of

if TYPE_CHECKING:
    from snnir.hardware.reconfigurable.machine import Machine
    from snnir.hardware.tables import HardwareTables

Range = tuple[int, int]

LEAST: dict[str, dict[str, Range]] = {
    "layers": {
        "tiles_last": (0, 15), "pitch": (0, 64), "channel_last": (0, 3),
        **{f"{axis}_{key}": span for axis in "yx" for key, span in {
            "last": (0, 31), "end": (0, 31), "reach": (0, 3), "stride": (0, 4),
            "high0": (0, 3), "low1": (0, 7), "high1": (0, 7), "base2": (-16, 15),
        }.items()},
    },
    "tiles": {"run_last": (0, 1023)},
    "runs": {
        "dy": (-4, 7), "dx": (-4, 7), "length": (0, 7), "height": (0, 63), "width": (0, 63),
        "stride_y": (0, 4), "stride_x": (0, 4), "pointer_stride": (0, 63), "event_stride": (0, 63),
        "row_stride": (0, 15),
    },
    "params": {"bias": (-1 << 15, (1 << 15) - 1), "theta": (0, (1 << 14) - 1)},
}  # fmt: skip
"""Ranges that a machine has at least: kernels to 7, windows and strides to 4, maps to 32."""

LEAST_DEPTHS = {
    "layers": 32, "tiles": 512, "runs": 512, "params": 512, "tile_rows": 512,
    "events": 512, "pointers": 512, "image": 1024, "potentials": 32,
}  # fmt: skip
"""Rows that every memory has at least: as many as its smallest form of block RAM or LUTs has."""

STEP = 512
"""Larger memories have a multiple of this many rows, a power of two where they are in LUTs."""

STREAM_BITS = 24
"""Bits of a number of beats of weights: 128 MB."""


def whole_bits(low: int, high: int) -> Range:
    """The range that takes as many bits, and all of them."""
    bits = bits_of(low, high)
    return (-1 << bits - 1, (1 << bits - 1) - 1) if low < 0 else (0, (1 << bits) - 1)


def depths_with_room(programs: Sequence[HardwareTables]) -> dict[str, int]:
    """Rows of each memory."""
    needed = {
        "layers": [t.layers.depth for t in programs],
        "tiles": [t.tiles.depth for t in programs],
        "runs": [t.runs.depth for t in programs],
        "params": [len(t.parameter_channels) for t in programs],
        "tile_rows": [t.tile_rows.depth for t in programs],
        "events": [t.program.event_depth for t in programs],
        "pointers": [t.program.pointer_depth for t in programs],
        "image": [t.image_bytes for t in programs],
        "potentials": [t.potential_rows for t in programs],
    }
    depths = {}
    for name, rows in needed.items():
        most = max(*rows, LEAST_DEPTHS[name])
        if name in ("layers", "potentials"):
            depths[name] = 1 << (most - 1).bit_length()
        else:
            depths[name] = -(-most // STEP) * STEP
    return depths


def columns_with_room(
    machine: Machine, placed: Sequence[HardwareTables]
) -> dict[str, dict[str, Range]]:
    """The range of each column of each table.

    Args:
        machine: its memories, modes and words; its columns are not looked at.
        placed: the programs' tables with the addresses of this machine.
    """
    array, depths = machine.array, machine.depths
    fixed: dict[str, dict[str, Range]] = {
        "layers": {
            "tile_first": (0, depths["tiles"] - 1),
            "events": (0, depths["events"] - 1),
            "pointers": (0, depths["pointers"] - 1),
            "capacity": (0, machine.position_max + 1),
            "received_last": (0, depths["image"] - 1),
            "group": (0, len(machine.groups) - 1),
            "fraction": (0, machine.fractions - 1),
            "word": (0, max(len(machine.words) - 1, 0)),
            "rate": (0, int(any(group.rate for group in machine.groups))),
            **dict.fromkeys(_FLAGS, (0, 1)),
            **dict.fromkeys(_IN_BATCH, (0, 0)),
        },
        "tiles": {
            "run_first": (0, depths["runs"] - 1),
            "run_one": (0, 1),
            "weights": (0, machine.ring - 1),
            "params": (0, depths["params"] - 1),
            "drain": (1, array.drain_clocks(array.channels)),
            "idle": (0, array.drain - 1),
        },
        "runs": {
            "pointer_base": (0, (1 << machine.address_bits["pointers"]) - 1),
            "event_base": (0, (1 << machine.address_bits["events"]) - 1),
            "row_base": (0, machine.ring - 1),
            "by_bank": (0, 1),
            "offset": (0, (1 << placed[0].offset_bits) - 1),
            "phase_end": (0, 1),
            "shift_behind": (0, len(machine.shifts)),
            "by_image": (0, 0),
            "delay": (0, max(tables.runs.high("delay") for tables in placed)),
        },
        "params": {},
        "tile_rows": {"rows": (0, machine.ring)},
        "settings": {
            "layer_last": (0, depths["layers"] - 1),
            "image_last": (0, depths["image"] - 1),
            "potential_last": (0, depths["potentials"] * array.drain - 1),
            "pixel_last": (0, depths["potentials"] - 1),
            "beat_last": (0, (1 << STREAM_BITS) - 1),
            "bursts": (0, (1 << STREAM_BITS) - 1),
            **dict.fromkeys(
                ("images_behind", "image_potential_last", "image_potential_rows"), (0, 0)
            ),
        },
    }
    return {
        table: {
            key: ranges[key] if key in ranges else _room(table, key, placed)
            for key in getattr(placed[0], table).ranges
        }
        for table, ranges in fixed.items()
    }


_FLAGS = (
    "receive", "readout", "tiles_one",
    "y_one_window", "y_one_pixel", "x_one_window", "x_one_pixel",
)  # fmt: skip


_IN_BATCH = (
    "event_offset", "pointer_offset", "image_first", "potential_first", "keeps", "holds",
)  # fmt: skip
"""What a machine for many programs never needs: it computes one image after another."""


def _room(table: str, key: str, placed: Sequence[HardwareTables]) -> Range:
    spans = [getattr(tables, table).ranges[key] for tables in placed]
    least = LEAST.get(table, {}).get(key.rstrip("0123456789") if table == "params" else key)
    spans += [least] if least else []
    return whole_bits(min(low for low, _ in spans), max(high for _, high in spans))


def reach_with_room(placed: Sequence[HardwareTables]) -> dict[str, Range]:
    """Least and greatest coordinates, in whole bits."""
    return {
        axis: whole_bits(
            min(-1, *(tables.reach[axis][0] for tables in placed)),
            max(63, *(tables.reach[axis][1] for tables in placed)),
        )
        for axis in "yx"
    }
