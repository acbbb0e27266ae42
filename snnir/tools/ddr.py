"""Options about the DDR that weights come from, and what is said of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from snnir.errors import UserError
from snnir.tools.arguments import positive, whole

if TYPE_CHECKING:
    from snnir.runtime.build import BuildFolder
    from snnir.schedule.loading import Ddr


def add_ddr_arguments(parser: ArgumentParser, *, pauses: bool = False) -> None:
    """`--ddr-latency`, `--ddr-rate` and, where Verilog is compared, `--ddr-pauses`."""
    add = parser.add_argument_group("memory that weights come from").add_argument
    add(
        "--ddr-latency", metavar="N", type=whole(1, 1_000_000),
        help="clocks from a read request to its first data (the target's)",
    )  # fmt: skip
    add(
        "--ddr-rate", metavar="GB/s", type=positive,
        help="what all read ports get together (the target's share of its peak)",
    )  # fmt: skip
    if pauses:
        add(
            "--ddr-pauses", metavar="SEED", type=whole(1, (1 << 32) - 1),
            help="rtl: the memory pauses at random besides, which must change nothing but clocks",
        )  # fmt: skip


def chosen_ddr(args: Namespace, build: BuildFolder) -> Ddr | None:
    """The memory that is assumed, None where weights are on the chip.

    Raises:
        UserError: an option has no effect, or there is no such memory.
    """
    options = ("ddr_latency", "ddr_rate", "ddr_pauses")
    given = [name for name in options if getattr(args, name, None) is not None]
    if given and not build.tables.uses_ddr:
        raise UserError(
            f"--{given[0].replace('_', '-')} has no effect: its weights are on the chip",
            where=str(args.folder),
            hint="leave it out, or compile with --weights stream",
        )
    return build.ddr(args.ddr_latency, args.ddr_rate)


def ddr_as_json(build: BuildFolder, ddr: Ddr | None) -> dict[str, Any] | None:
    """What is assumed, in numbers."""
    if ddr is None:
        return None
    tables = build.tables
    ports, mhz = tables.read_ports, build.manifest["target"]["clock_mhz"]
    kept = [
        name for name, is_there in (("weights", tables.ring), ("maps", tables.moves)) if is_there
    ]
    return {
        "holds": kept,
        "ports": ports,
        "latency": ddr.latency,
        "rate": ddr.rate,
        "gbps": round(ddr.gbps(mhz, ports), 4),
    }


def moves_as_json(build: BuildFolder) -> dict[str, Any] | None:
    """How maps move, None where all are on the chip."""
    tables = build.tables
    if not tables.moves:
        return None
    beside = front = 0
    for moves, layer in tables.steps:
        front += len(moves)
        beside += front > layer.waits
    return {
        "bytes": sum(move.move.bytes for move in tables.moved),
        "moves": len(tables.moved),
        "rows": len(tables.layers),
        "beside": beside,
        "alone": {layer.of: layer.alone for layer in tables.layers if layer.alone},
    }


def moves_as_text(found: dict[str, Any]) -> str:
    alone = "".join(f"; {layer}: {why}" for layer, why in found["alone"].items())
    return (
        f"{found['bytes'] / 1e6:.2f} MB in {found['moves']} moves, which go on beside "
        f"{found['beside']} of {found['rows']} rows of the program{alone}"
    )


def held_in_ddr(found: dict[str, Any]) -> str:
    """What is in DDR: `weights`, `maps`, or both."""
    return " and ".join(found["holds"])


def ddr_as_text(found: dict[str, Any]) -> str:
    ports = found["ports"]
    return (
        f"{found['gbps']:.3g} GB/s through {ports} port{'s' if ports > 1 else ''}, "
        f"first data after {found['latency']} clocks"
    )
