"""The core: all units and the memories between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from snnir.hardware import control, image, resolver, states, writer
from snnir.hardware.array import array_module
from snnir.hardware.bank import bank_memory_module
from snnir.hardware.counters import COUNTERS, counters_module
from snnir.hardware.ddr.loader import (
    LOADER_SETTINGS,
)
from snnir.hardware.ddr.move_port import MovePort
from snnir.hardware.ddr.read_ports import ReadPorts
from snnir.hardware.drain import drain_module
from snnir.hardware.emitter import emitters_module
from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.language.names import legal_name
from snnir.hardware.map_memory import MapMemory
from snnir.hardware.memories import address_width
from snnir.hardware.neuron import neuron_module
from snnir.hardware.pool import pool_module
from snnir.hardware.products import fit
from snnir.hardware.readout import READOUT_SETTINGS, readout_module
from snnir.hardware.reconfigurable.image_format import program_ports, row_of, sections
from snnir.hardware.reconfigurable.tables import MachineTables
from snnir.hardware.tables import TABLES, HardwareTables
from snnir.hardware.timing import Timing, fire_stages, timing
from snnir.hardware.walker import walker_columns

if TYPE_CHECKING:
    from snnir.dialects.snn import NeuronOp

STREAM_IN = {"tdata": 8, "tvalid": 1, "tlast": 1}
"""The stream of bytes in, signal by signal."""

TRACES = {
    "layer": "number of the layer that runs",
    "layer_end": "1 in the last clock of a layer",
    "events": "per bank, an event is read",
    "fire": "trains leave the neurons",
    "fired": "those trains, one per lane, the first lowest",
    "store": "trains are stored in a map",
    "stored": "those trains",
}
"""Outputs `trace_...` of the core, for verification; where maps are moved there is `trace_moves`:
a load starts, a store starts (the move's second clock), a move has ended (the one behind its last).
"""

COUNTER_TRACES = {
    "shown": "what happens, a bit for each of `counters.SHOWN_FLAGS`",
    "counts": "the running counters, in the order of `counters.COUNTERS` from the third",
    "read": "per bank, the train that it reads",
}
"""Those of a core with counters, all of one clock: the one `counters.SHOWN` clocks before."""


def core_module(
    tables: HardwareTables | MachineTables,
    neurons: Mapping[str, NeuronOp],
    lanes: str = "portable",
    counters: bool = True,
) -> Module:
    """The machine of docs/machine.md, for one program or for whatever is written to its tables.

    Ports: `clk`, `rst` (synchronous, active high); streams `s_t...` (bytes in) and `m_t...`
    (potentials out); `cycles` of the last image, `running`; and `TRACES`. Where anything is kept
    for the next window, `s_tuser` with an image's first byte begins a sample. Where weights come
    from DDR: `weights_base`, `status`, and the read channels `m_axi_...` of an AXI4 master, or of
    several, `m_axi0_...` and so on. A machine
    without a program has besides the ports of `program_ports`, `enable` (an image may begin) and
    `stop` (the one that runs ends). With counters there are also `counter_...` and
    `COUNTER_TRACES`.

    Args:
        lanes: form of the lanes, a key of `array.LANES`.
        counters: add the outputs `counter_...`, see `counters.COUNTERS`.
    """
    program = tables.program
    array = program.array
    stages = fire_stages(program.modes, neurons)
    layers = tables.layers
    m = Module("core", doc=f"{program.name}: the array and its memories")
    m.clock()
    rst = m.input("rst", 1)
    stream = {key: m.input(f"s_{key}", width) for key, width in STREAM_IN.items()}
    taken = m.input("m_tready", 1)

    writes, settings = _program(m, tables)

    is_full, busy = m.wire("image_is_full", 1), m.wire("output_is_busy", 1)
    end_phase = m.wire("phase_ends", 1)
    loaded, waits, image_full = None, {}, is_full
    moved = MovePort(m, tables) if program.moves else None
    if program.ring:
        begins, end_tile = m.wire("image_begins", 1), m.wire("tile_ends", 1)
        loaded = ReadPorts(
            m,
            tables,
            rst=rst,
            begins=begins,
            end_tile=end_tile,
            also=[moved.fails] if moved else None,
            **writes["tile_rows"],
            **tables.settings.pins(settings, LOADER_SETTINGS),
        )
        waits = {"failed": loaded.failed}
    if moved:
        waits = {"failed": moved.failed(loaded), "ended": moved.ended}
    if settings:
        # A machine may be told to begin no other image, and to end the one that runs.
        image_full = m.wire("image_may_begin", is_full & m.input("enable", 1))
        waits["failed"] = waits["failed"] | m.input("stop", 1)
    if tables.begins_samples:
        waits["begins_sample"] = m.wire("image_begins_sample", 1)
    units = control.control_module(tables, timing(program, neurons))
    record = control.phase_record(tables)
    phase = m.wire("phase_that_ends", record.width)
    ctrl = m.instance(
        "control",
        units,
        rst=rst,
        image_full=image_full,
        sending=busy,
        end_phase=end_phase,
        phase=phase,
        **waits,
        **writes["layers"],
        **tables.settings.pins(settings, ["layer_last"]),
    )
    ready = ctrl["ready"]

    def pins(columns) -> dict[str, Signal]:
        return layers.pins(ctrl, columns)

    go = m.wire("go", 1)
    below, last = (
        m.wire(f"counts_{n}", array.banks * tables.count_bits) for n in ("below", "last")
    )
    resolved = m.instance(
        "resolver",
        resolver.resolver_module(tables),
        rst=rst,
        ready=ctrl["compute"],
        go=go,
        counts_below=below,
        counts_last=last,
        **pins((*walker_columns(tables), *resolver.COLUMNS)),
        **({k: ctrl[k] for k in ("parity", "first_window")} if tables.recurs else {}),
        **writes["tiles"],
        **writes["runs"],
    )
    entries = {key: resolved[key] for key in resolved if key.startswith(("entry", "push"))}
    if loaded:
        entries["weights_ready"] = loaded.ready
    emitted = m.instance(
        "emitters", emitters_module(tables), rst=rst, phase=resolved["phase"], **entries
    )
    if loaded:
        begins.drive(ctrl["begins"])
        # With the next image of a batch the same weights are used again.
        stays = ctrl["keeps"] if "keeps" in layers.stored else m.const(0, 1)
        end_tile.drive(emitted["end_tile"] & ~stays)
    go.drive(emitted["go"])
    end_phase.drive(emitted["end_phase"])
    phase.drive(emitted["phase_head"])

    drained = m.instance(
        "drain",
        drain_module(tables, stages),
        rst=rst,
        ready=ready,
        end_phase=end_phase,
        phase=phase,
        **writes["params"],
    )
    written = {key: m.wire(key, width) for key, width in _written(tables).items()}
    weights, trains = {}, []
    for k in range(array.banks):
        event = {
            key: emitted[f"{key}{k}"]
            for key in ("valid", "address", "origin", "by_bank", "upper", "delay")
            if f"{key}{k}" in emitted
        }
        write = {
            "we": written["event_we"][k],
            "waddr": writer.bank_port(tables, written["event_address"], k),
            "wdata": writer.bank_port(tables, written["event_word"], k),
        }
        if moved:
            write |= moved.bank_pins(k)
        bank = m.instance(
            f"bank{k}",
            bank_memory_module(tables, k),
            **write,
            **event,
            **(loaded.row_write(k) if loaded else {}),
        )
        if moved:
            moved.events.append(bank["found"])
        weights[f"weights{k}"] = bank["weights"]
        trains.append(bank["train"])
    shift = {"shift": drained["shift"]} if program.shifts else {}
    summed = m.instance(
        "pe_array",
        array_module(array, program.shifts, lanes),
        trains=cat(*reversed(trains)),
        clear=drained["clear"],
        keep=drained["keep"],
        group=drained["group"],
        **shift,
        **weights,
    )
    bits = tables.kept.bits if tables.keeps else None
    unit = neuron_module(program.modes, neurons, tuple(program.params), array, bits)
    choice = {key: ctrl[key] for key in ("group", "fraction") if key in layers.stored}
    if tables.keeps:
        kept = m.wire("states_kept", array.drain * tables.kept.width)
        choice |= m.instance(
            "states",
            states.states_module(tables),
            ready=ready,
            first=ctrl["first_window"],
            active=drained["active"],
            valid=drained["valid"],
            written=kept,
            **pins(states.COLUMNS),
        )
    fired = _fire(m, tables, unit, summed["accumulators"], drained, choice)
    if tables.keeps:
        kept.drive(fired["kept_next"])

    is_readout = ctrl["readout"] if "readout" in layers.stored else m.const(1, 1)
    several = array.drain > 1
    lanes_used = {"used": drained["used"]} if several else {}
    pooled = m.instance(
        "pool",
        pool_module(tables),
        rst=rst,
        valid=drained["valid"],
        train=fired["train"],
        number=drained["number"],
        window_first=drained["pixel_window_first"],
        window_last=drained["pixel_window_last"],
        last=drained["last"],
        row_last=drained["pixel_row_last"],
        **lanes_used,
        **pins(["rate"]),
    )
    received = m.instance(
        "image",
        image.image_module(tables),
        **({"tuser": m.input("s_tuser", 1)} if tables.begins_samples else {}),
        rst=rst,
        ready=ready,
        release_image=ctrl["release_image"],
        **stream,
        **pins(image.COLUMNS),
        **tables.settings.pins(settings, ["image_last"]),
    )
    is_full.drive(received["full"])
    if tables.begins_samples:
        waits["begins_sample"].drive(received["first"])
    from_image = received["valid"]
    store = m.wire("store", from_image | (pooled["store"] & ~is_readout))
    stored = m.wire(
        "stored",
        mux(from_image, fit(received["train"], array.drain * array.planes), pooled["stored"]),
    )
    results = m.instance(
        "writer",
        writer.writer_module(tables),
        rst=rst,
        ready=ready,
        valid=store,
        train=stored,
        last=mux(from_image, received["last"], pooled["stored_last"]),
        row_last=mux(from_image, received["row_last"], pooled["stored_row_last"]),
        **({"alone": from_image} if several else {}),
        **pins(writer.writer_columns(tables)),
        **({"parity": ctrl["parity"]} if tables.recurs else {}),
    )
    for key, wire in written.items():
        wire.drive(results[key])
    pointers = MapMemory(
        array.banks * tables.count_bits, program.pointer_depth, program.halves[1],
        program.first_half[1], read_enable=True,
    )  # fmt: skip
    write = {
        "we": written["pointer_we"],
        "waddr": written["pointer_address"],
        "wdata": written["counts"],
    }
    for name, counts in (("below", below), ("last", last)):
        read = {"re": go, "raddr": resolved[f"pointer_{name}"]}
        by_mover = moved.pointer_pins(reads=name == "below") if moved else None
        found = pointers.build(m, f"pointers_{name}", write, read, by_mover)
        counts.drive(found.array)
        if moved and name == "below":
            moved.connect(rst, ctrl, found.mover, loaded)

    sent = m.instance(
        "readout",
        readout_module(tables),
        rst=rst,
        ready=ready,
        valid=drained["valid"] & is_readout,
        membrane=fired["membrane"],
        last=drained["last"],
        tile_last=drained["pixel_tile_last"],
        send=ctrl["send"],
        tready=taken,
        **pins(["potential_first"]),
        **tables.settings.pins(settings, READOUT_SETTINGS),
    )
    busy.drive(sent["busy"])

    m.output("s_tready", received["tready"])
    for key in ("tdata", "tvalid", "tlast"):
        m.output(f"m_{key}", sent[key])
    m.output("cycles", ctrl["cycles"])
    m.output("running", ctrl["running"])
    if program.ring or program.moves:
        m.output("status", moved.status(loaded) if program.moves else loaded.status)
    if loaded:
        loaded.outputs(m)
    if moved:
        moved.outputs(m)
    traces = {
        "layer": ctrl["layer"],
        "layer_end": ctrl["layer_end"],
        "events": cat(*[emitted[f"valid{k}"] for k in reversed(range(array.banks))]),
        "fire": drained["valid"],
        "fired": fired["train"],
        "store": store,
        "stored": stored,
    }
    if moved:
        traces["moves"] = moved.trace
    if counters:
        constants = timing(program, neurons)
        traces |= _counters(m, tables, constants, rst, ctrl, resolved, emitted, loaded, moved)
        traces["read"] = cat(*reversed(trains))
    for key, value in traces.items():
        m.output(f"trace_{key}", value)
    return m


def _program(
    m: Module, tables: HardwareTables | MachineTables
) -> tuple[dict[str, dict[str, Signal]], dict[str, Signal]]:
    """For each table the pins through which it is written, and the settings; none where fixed."""
    if not isinstance(tables, MachineTables):
        return dict.fromkeys(TABLES, {}), {}
    ports = {key: m.input(key, width) for key, width in program_ports(tables).items()}
    writes: dict[str, dict[str, Signal]] = dict.fromkeys(TABLES, {})
    for index, part in enumerate(sections(tables)[1:]):
        we, row, word = part.fields.write_ports(part.name)
        writes[part.name] = {
            we: ports["program_we"][index],
            row: ports["program_row"].trunc(address_width(part.most)),
            word: row_of(part, ports["program_word"]),
        }
    return writes, ports


def _counters(
    m: Module,
    tables: HardwareTables | MachineTables,
    constants: Timing,
    rst: Signal,
    ctrl: Mapping[str, Signal],
    resolved: Mapping[str, Signal],
    emitted: Mapping[str, Signal],
    loaded: ReadPorts | None,
    moved: MovePort | None,
) -> dict[str, Signal]:
    """The counters, with their outputs; what they trace."""
    waits = {"waiting": ctrl["waiting"], "loads": moved.loads} if moved else {}
    counted = m.instance(
        "counters",
        counters_module(tables, constants),
        rst=rst,
        run=resolved["run"],
        resolved=resolved["push_phase"],
        phase=emitted["phase_head"],
        loaded=loaded.ready if loaded else 1,
        receive=ctrl["receive"],
        **waits,
        **{key: ctrl[key] for key in ("ready", "running", "layer_end", "send", "cycles")},
        **{
            key: emitted[key] for key in ("active", "reads", "all_idle", "shadow_used", "end_phase")
        },
    )
    for counter in COUNTERS:
        m.output(f"counter_{counter.name}", counted[f"counter_{counter.name}"])
    return {key: counted[key] for key in ("shown", "counts")}


def _fire(
    m: Module,
    tables: HardwareTables,
    unit: Module,
    accumulators: Signal,
    drained: Mapping[str, Signal],
    choice: Mapping[str, Signal],
) -> dict[str, Signal]:
    """The neurons, once for each lane of the drain; their trains and membranes side by side."""
    lanes, width = tables.program.array.drain, accumulators.width // tables.program.array.drain
    results = []
    for lane in range(lanes):
        inputs = {legal_name(key): drained[f"{key}{lane}"] for key in tables.program.params}
        inputs |= choice
        if tables.keeps:
            inputs["kept"] = choice["kept"].bits(lane * tables.kept.width, tables.kept.width)
        sums = accumulators.bits(lane * width, width)
        results.append(m.instance(f"fire{lane}", unit, accumulators=sums, **inputs))
    return {key: cat(*[r[key] for r in reversed(results)]) for key in results[0]}


def _written(tables: HardwareTables) -> dict[str, int]:
    array = tables.program.array
    ports = array.banks if array.drain > 1 else 1
    return {
        "event_we": array.banks,
        "event_address": ports * tables.event_bits,
        "event_word": ports * (tables.position_bits + array.planes),
        "pointer_we": 1,
        "pointer_address": tables.pointer_bits,
        "counts": array.banks * tables.count_bits,
    }
