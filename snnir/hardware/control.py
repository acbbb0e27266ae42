"""The control unit: reads the layer table, starts each layer, and counts the clocks to its end."""

from __future__ import annotations

from snnir.hardware.columns import bits_of
from snnir.hardware.language.builder import Module, mux
from snnir.hardware.memories import address_width
from snnir.hardware.products import fit
from snnir.hardware.resolver import phase_record
from snnir.hardware.tables import HardwareTables
from snnir.hardware.timing import Timing

CYCLE_BITS = 32


def control_module(tables: HardwareTables, timing: Timing) -> Module:
    """One layer after another.

    Ports: `image_full` starts the program unless `sending`; `end_phase`, `phase` from the emitters;
    the columns of the layer table, held while a layer runs, and `ready` in the first clock in which
    they are valid (the third of the layer); `compute` (the same for a layer that computes),
    `release_image` (no pass needs it, or the images of its batch, any more), `send` (the potentials
    are complete), `running`, `layer`, `layer_end` (last clock of a layer), `cycles` (clocks of the
    image so far). Where weights come from DDR: `begins` (an image begins with the next clock), and
    `failed` ends it, for good. Where maps are there, `ended` (so many moves have ended), for which
    a row may wait: `waiting` while it does behind the clock in which it could be ready. Where
    anything is kept for the next window, `begins_sample` of the image becomes `first_window` while
    it runs; `parity` changes from window to window, where layers see maps of the one before.

    A layer ends `D + FLUSH` clocks behind its last pixel, D those of the last tile's drain; a pass
    over the image takes a clock per neuron and `RECEIVE` more.
    """
    layers = tables.layers
    m = Module("control", doc="layer sequencing by the layer table")
    m.clock()
    m.input("rst", 1)
    full, sending = m.input("image_full", 1), m.input("sending", 1)
    record = phase_record(tables)
    end_phase, phase = m.input("end_phase", 1), m.input("phase", record.width)
    fields = record.unpack(phase)
    moves = tables.program.moves
    stops = tables.program.ring or moves
    works = ~m.input("failed", 1) if stops else m.const(1, 1)

    running, layer = m.reg("is_running", 1, reset=0), m.reg("number", address_width(layers.depth))
    # A pulse, for the potentials are still to be taken when the program has ended.
    send = m.reg("send_now", 1, reset=0)
    begin = m.wire("begin", full & ~running & ~sending & ~send & works)
    row = layers.lookup(m, "layers", layer)
    last_layer = tables.settings.inputs(m, ["layer_last"])["layer_last"]
    start = m.reg("start", 1, reset=0)
    read = m.pipe("read", start, reset=0)
    waiting = m.const(0, 1)
    if moves:
        # The table's answer stays as long as the row waits.
        needed, ended = layers.fields(m, row)["waits"], m.input("ended", tables.moved_bits)
        waiting = m.reg("waiting", 1, reset=0)
        due, may = read | waiting, ended.uge(fit(needed, ended.width))
        waiting.next = due & ~may & works
        ready = m.pipe("desc_ready", due & may, reset=0)
    else:
        ready = m.pipe("desc_ready", read, reset=0)
    held = m.reg("desc", row.width, next=row, enable=read)
    desc = layers.fields(m, held)

    drain = fields.get("drain", m.const(tables.tiles.high("drain"), tables.drain_bits))
    most = max(
        layers.high("received_last") + timing.receive, tables.tiles.high("drain") + timing.flush
    )
    timer = m.reg("timer", bits_of(0, most), reset=0)
    # Registered, for the end of a phase is known late in its clock.
    ends = end_phase & fields["pixel_end"] & fields["window_last"] & fields["layer_last"]
    finished = m.pipe("last_pixel_ended", ends, reset=0)
    drain = m.pipe("drain", drain) if drain.constant is None else drain
    received = layers.resize("received_last", desc["received_last"], timer.width)
    drained = fit(drain, timer.width) + (timing.flush - 2)
    counting = mux(timer.any(), timer - 1, timer)
    counting = mux(finished, drained, counting)
    timer.next = mux(ready & desc["receive"], received + (timing.receive - 2), counting)
    layer_end = m.wire("is_layer_end", timer.eq(1))
    program_end = m.wire("program_end", layer_end & layer.eq(fit(last_layer, layer.width)))

    running.next = begin | (running & ~program_end & works)
    layer.next = mux(begin, 0, mux(layer_end, layer + 1, layer))
    start.next = begin | (layer_end & ~program_end & works)
    send.next = program_end & works
    cycles = m.reg("cycles", CYCLE_BITS, reset=0)
    cycles.next = mux(begin, 0, mux(running, cycles + 1, cycles))

    for key in layers.stored:
        m.output(key, desc[key])
    m.output("ready", ready)
    compute = m.wire("compute_ready", ready & ~desc["receive"])
    # Once, or an image that has come in the meantime would be lost.
    received_before = m.reg("received_before", 1, reset=0)
    received_before.next = mux(ready, desc["receive"], received_before)
    m.output("compute", compute)
    holds = desc["holds"] if "holds" in layers.stored else m.const(0, 1)
    m.output("release_image", compute & received_before & ~holds)
    m.output("send", send)
    if stops:
        m.output("begins", begin)
    if moves:
        m.output("waiting", waiting)
    if tables.begins_samples:
        # Held while the image is computed: the next one may come in meanwhile.
        first = m.reg("is_first_window", 1, next=m.input("begins_sample", 1), enable=begin)
        m.output("first_window", first)
        if tables.recurs:
            parity = m.reg("window_parity", 1, reset=0)
            parity.next = parity ^ begin
            m.output("parity", parity)
    m.output("running", running)
    m.output("layer", layer)
    m.output("layer_end", layer_end)
    m.output("cycles", cycles)
    return m
