"""Run queues and emitters: each bank takes one event per clock; phases end in all banks at once."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

from snnir.hardware.columns import Record
from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.memories import address_width, lutram_1r1w
from snnir.hardware.resolver import ENTRY_FLAGS, entry_record, phase_record
from snnir.hardware.tables import HardwareTables


class Queue(NamedTuple):
    """A FIFO as its reader sees it.

    Attributes:
        head: the oldest entry.
        waiting: whether there is one.
        full: whether no place is left.
        early: the early bits that the head will have in the next clock.
        waiting_next, full_next: what the flags will be in the next clock.
    """

    head: Signal
    waiting: Signal
    full: Signal
    early: Signal
    waiting_next: Signal
    full_next: Signal


def queue(
    m: Module, name: str, depth: int, push: Signal, word: Signal, pop: Signal, early: int
) -> Queue:
    """A FIFO in LUTRAM whose head is seen at once.

    An entry keeps its place until it is popped, and what is pushed is at the head one clock later.
    Nothing is pushed into a full one, nothing popped from an empty one.

    Args:
        early: lowest bits of an entry that decide about the next clock, and so cannot wait for a
            memory: the head's are kept in registers, the next entry's are read ahead.
    """
    bits = address_width(depth)
    write, read = m.reg(f"{name}_write", bits, reset=0), m.reg(f"{name}_read", bits, reset=0)
    after = m.reg(f"{name}_after", bits, reset=1)
    count = m.reg(f"{name}_count", bits + 1, reset=0)
    # Comparisons of the count with 0 and 1, one clock ahead of it.
    waiting, several = m.reg(f"{name}_waiting", 1, reset=0), m.reg(f"{name}_several", 1, reset=0)
    write.next = mux(push, write + 1, write)
    read.next = mux(pop, after, read)
    after.next = mux(pop, after + 1, after)
    count.next = mux(push ^ pop, mux(push, count + 1, count - 1), count)
    waiting.next = push | several | (waiting & ~pop)
    several.next = mux(push, mux(pop, several, waiting), mux(pop, count.ugt(2), several))
    soon, late = word[:early], word[early:]
    following = m.instance(
        f"{name}_early", lutram_1r1w(early, depth), we=push, waddr=write, wdata=soon, raddr=after
    )["rdata"]
    first = m.reg(f"{name}_first", early)
    first.next = mux(pop | ~waiting, mux(several, following, soon), first)
    rest = m.instance(
        name, lutram_1r1w(late.width, depth), we=push, waddr=write, wdata=late, raddr=read
    )["rdata"]
    full = count.msb
    full_next = ~pop & (full | (push & count.eq(depth - 1)))
    return Queue(cat(rest, first), waiting, full, first.next, waiting.next, full_next)


_OPTIONAL = ("by_bank", "upper", "delay")
"""Fields of an entry that not every machine has."""


def bank_module(depth: int, record: Record, waits: bool = False) -> Module:
    """One bank's queue and emitter; with `waits`, nothing is emitted until `weights_ready`.

    Ports: `push`, `entry`, `fills` (no place is left in the next clock); `phase_end` (all banks are
    done, in this clock); `done` (nothing is left to do behind this clock in this phase); `valid`
    (an event is read in this clock), `address` (of the event), `origin`, `by_bank`, `upper`,
    `delay`; `active` (an entry is at work) and `idle` (it was done before).

    The first clock of an entry takes its address from the queue, later ones count on; a list
    without events, which only the end of a phase can be, takes a clock as well.

    `done` is a register, for it is asked for in all banks and answers to all of them in one clock:
    whether a bank ends its phase in a clock is found out in the clock before. It does not heed
    `weights_ready`: that is 0 only while no bank has begun with the phase, and whoever asks for
    `done` asks for it as well.
    """
    m = Module("emitter", doc=f"a bank's queue of {depth} runs, and the events of the oldest one")
    m.clock()
    m.input("rst", 1)
    push, word = m.input("push", 1), m.input("entry", record.width)
    phase_end = m.input("phase_end", 1)
    finish = m.wire("finish", 1)
    runs = queue(m, "runs", depth, push, word, finish, ENTRY_FLAGS)
    entry = {key: m.wire(f"head_{key}", value) for key, value in record.unpack(runs.head).items()}
    coming = Record({key: record.widths[key] for key in list(record.widths)[:ENTRY_FLAGS]})
    coming = coming.unpack(runs.early)

    idle, busy = m.reg("idle", 1, reset=0), m.reg("busy", 1, reset=0)
    ready = m.input("weights_ready", 1) if waits else m.const(1, 1)
    active = m.wire("active", runs.waiting & ~idle & ready)
    following, left = m.reg("following", entry["start"].width), m.reg("left", entry["rest"].width)
    is_last = m.reg("is_last", 1)
    address = m.wire("event", mux(busy, following, entry["start"]))
    rest = mux(busy, left, entry["rest"])
    following.next = address + 1
    left.next = rest - 1
    is_last.next = rest.eq(1)
    finish.drive(active & mux(busy, is_last, entry["single"]))
    busy.next = active & ~finish
    done = m.reg("is_done", 1, reset=0)
    idle_next = m.wire("idle_next", done & ready & ~phase_end)
    idle.next = idle_next
    ends = mux(
        active & ~finish,
        is_last.next & entry["phase_end"],
        runs.waiting_next & coming["single"] & coming["phase_end"],
    )
    done.next = idle_next | ends

    m.output("fills", runs.full_next)
    m.output("done", done)
    m.output("active", active)
    m.output("idle", idle)
    m.output("valid", active & (busy | entry["some"]))
    m.output("address", address)
    m.output("origin", entry["origin"])
    for key in _OPTIONAL:
        if key in entry:
            m.output(key, entry[key])
    return m


def emitters_module(tables: HardwareTables) -> Module:
    """All banks and the rhythm of phases.

    Ports: `push`, `entry0` ..., `push_phase`, `phase` from the resolver, `go` to it (no queue is
    full); for each bank, registered, `valid`, `address`, `origin`, `by_bank`, `upper`, `delay`;
    `end_phase` with the record of the phase that ends in this clock. For counters, not registered:
    `active` and `reads` of the banks, `all_idle` (all were done before this clock), `shadow_used`
    (in the next one).

    The last phase of a pixel may not end before the shadow is free: D clocks behind the end of the
    pixel before, D the clocks in which its tile is drained. Where weights come from DDR:
    `weights_ready` (those of the tile that runs are there), and `end_tile` to the loader.
    """
    banks, depth = tables.program.array.banks, tables.program.array.fifo
    m = Module("emitters", doc="one run queue and emitter per bank; phases end jointly")
    m.clock()
    rst = m.input("rst", 1)
    record, phase_bits = entry_record(tables), phase_record(tables)
    push = m.input("push", banks)
    entries = [m.input(f"entry{k}", record.width) for k in range(banks)]
    push_phase, phase = m.input("push_phase", 1), m.input("phase", phase_bits.width)

    phase_end = m.wire("phase_end", 1)
    waits = bool(tables.program.ring)
    ready = {"weights_ready": m.input("weights_ready", 1)} if waits else {}
    module = bank_module(depth, record, waits)
    results = [
        m.instance(
            f"bank{k}",
            module,
            rst=rst,
            push=push[k],
            entry=entries[k],
            phase_end=phase_end,
            **ready,
        )
        for k in range(banks)
    ]
    # One more phase than a bank has entries may wait: its last entries are done, the shadow is not.
    head = queue(m, "phases", 2 * depth, push_phase, phase, phase_end, 1).head
    flags = phase_bits.unpack(head)
    pixel_end = flags["pixel_end"]
    all_done = m.wire("all_done", cat(*[result["done"] for result in results]).all())

    drain = flags.get("drain", m.const(tables.tiles.high("drain"), tables.drain_bits))
    draining = m.reg("draining", drain.width, reset=0)
    free = m.reg("shadow_free", 1, reset=1)
    reload = m.wire("reload", phase_end & pixel_end)
    draining.next = mux(reload, drain - 1, mux(free, draining, draining - 1))
    free.next = mux(reload, drain.eq(1), free | draining.eq(1))
    ready_now = ready.get("weights_ready", m.const(1, 1))
    phase_end.drive(all_done & ready_now & (~pixel_end | free))

    # It stops hundreds of registers at once: a register, with nothing but a wire behind it.
    go = ~reduce(Signal.__or__, [result["fills"] for result in results])
    m.output("go", m.pipe("goes", go, reset=1))
    for k, result in enumerate(results):
        m.output(f"valid{k}", m.pipe(f"valid{k}", result["valid"], reset=0))
        m.output(f"address{k}", m.pipe(f"address{k}", result["address"]))
        m.output(f"origin{k}", m.pipe(f"origin{k}", result["origin"]))
        for key in _OPTIONAL:
            if key in result:
                m.output(f"{key}{k}", m.pipe(f"{key}{k}", result[key]))
    for key, output in (("active", "active"), ("reads", "valid")):
        m.output(key, cat(*[result[output] for result in reversed(results)]))
    m.output("all_idle", cat(*[result["idle"] for result in results]).all())
    m.output("shadow_used", reload | ~free)
    m.output("end_phase", phase_end)
    m.output("phase_head", head)
    if waits:
        m.output("end_tile", reload & flags["window_last"] & flags["tile_last"])
    return m
