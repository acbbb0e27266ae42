"""The program loader: a program image from DDR, checked word by word, into the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from snnir.hardware.ddr.loader import ADDRESS_BITS, AXI_IN, BURST_BITS
from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.memories import address_width
from snnir.hardware.products import fit
from snnir.hardware.reconfigurable import faults, image_format
from snnir.hardware.reconfigurable.crc import START, crc_step
from snnir.hardware.reconfigurable.image_format import (
    HEADER,
    WORD,
    Section,
    program_ports,
    row_of,
    sections,
)
from snnir.hardware.reconfigurable.tables import MachineTables
from snnir.schedule.loading import BEAT, BURST

LENGTH_BITS = 24
"""Bits of a number of words: images up to 128 MB."""

SHIFT = (BEAT // 8 - 1).bit_length()
"""Bits of an address within a word."""


def program_loader_module(tables: MachineTables) -> Module:
    """An AXI4 read master for the image, and the checks on what comes.

    Ports: `start` (a pulse), `stop` (give up), `base` and `bytes` of the image, `weight_bytes`; the
    AXI channels; `program_we`, `program_row`, `program_word` and the settings, as the core takes
    them; `loading`, `loaded` (since the last start, without a fault) and `status` (until the next
    start).

    One burst is under way at a time, and no word is asked for that the header does not count. A
    word takes two clocks, in which the checksum sees one half each. The row of a table is written
    with its last word: words of the row before it wait in a chain of registers. What a row says is
    checked then, and reported behind the checksum, whose fault explains more.
    """
    parts = sections(tables)
    m = Module("program_loader", doc="fetches a program, checks it and writes it to the tables")
    m.clock()
    m.input("rst", 1)
    start, stop = m.input("start", 1), m.input("stop", 1)
    base = m.input("base", ADDRESS_BITS)
    length, weight_bytes = m.input("bytes", 32), m.input("weight_bytes", 32)
    axi = {key: m.input(key, width) for key, width in AXI_IN.items()}

    ports = tables.program.array.ports
    active, status = m.reg("active", 1, reset=0), m.reg("fault", faults.STATUS_BITS, reset=0)
    loaded = m.reg("is_loaded", 1, reset=0)
    have, half = m.reg("have", 1, reset=0), m.reg("half", 1, reset=0)
    word = m.reg("word", WORD)
    take = m.reg("take", 1, reset=0)
    take.next = have & ~half & active
    left = m.reg("words_left", LENGTH_BITS)
    stage = m.reg("stage", address_width(len(parts) + 2))
    row, part = m.reg("row", _row_bits(parts)), m.reg("part", _part_bits(parts))
    in_header = stage.eq(0)
    at_end = stage.eq(len(parts) + 1)

    # Beats
    accept = m.wire("accept", axi["rvalid"] & active & ~have)
    have.next = accept | (have & ~half & active)
    half.next = have & ~half
    word.next = mux(accept, axi["rdata"], word)
    beats = m.reg("beats_left", BURST_BITS + 1, reset=0)
    misplaced = accept & (axi["rlast"] ^ beats.eq(1))
    refused = accept & axi["rresp"].any()

    # Requests
    asked, asking = m.reg("asked", LENGTH_BITS), m.reg("asking", 1, reset=0)
    address = m.reg("word_address", ADDRESS_BITS - SHIFT)
    starts = m.pipe("starting", start, reset=0)
    ask = m.wire("ask", active & ~starts & ~asking & beats.eq(0) & asked.any())
    asking.next = ~start & (ask | (asking & ~axi["arready"]))
    size = m.reg("burst_size", BURST_BITS + 1)
    # Bursts end where those of whole size would, so that none crosses 4 kB.
    aligned = m.const(BURST, BURST_BITS + 1) - address[:BURST_BITS].zext(BURST_BITS + 1)
    few = asked.ult(fit(aligned, LENGTH_BITS))
    size.next = mux(ask, mux(few, asked.trunc(BURST_BITS + 1), aligned), size)
    less = m.reg("burst_size_less_one", BURST_BITS)
    less.next = mux(ask, mux(few, asked.trunc(BURST_BITS) - 1, ~address[:BURST_BITS]), less)
    gone = m.wire("request_taken", asking & axi["arready"])
    beats.next = mux(start, 0, mux(gone, size, mux(accept, beats - 1, beats)))
    m.output("araddr", cat(address, m.const(0, SHIFT)))
    m.output("arlen", fit(less, 8))
    m.output("arvalid", asking)
    m.output("rready", active & ~have)

    # Header
    numbers = 2 * 2 + 1 + len(parts)
    words = [m.reg(f"header{i}", WORD if 2 * i + 1 < numbers else 32) for i in range(HEADER)]
    for i, register in enumerate(words):
        register.next = mux(take & in_header & row.eq(i), word.trunc(register.width), register)
    header_last = m.pipe("is_header_last", in_header & row.eq(HEADER - 1))
    header_end = m.wire("header_end", take & header_last)
    header = m.pipe("header_there", header_end, reset=0)
    total = words[2].trunc(32)
    counts = _counts(words, parts)
    said = length[3:]
    limits = [total.ugt(fit(said, 32)), total.ult(HEADER + 2), total[LENGTH_BITS:].any()]
    too_long = m.pipe("too_long", reduce(Signal.__or__, limits))
    wrong_table = m.pipe(
        "wrong_table",
        reduce(
            Signal.__or__, [~n.any() | n.ugt(p.most) for n, p in zip(counts, parts, strict=True)]
        ),
    )
    found = m.const(0, faults.STATUS_BITS)
    for wrong, code in (
        (wrong_table, faults.TABLE),
        (too_long, faults.LENGTH),
        (words[1][32:].ne(tables.program.identity), faults.IDENTITY),
        (words[1].trunc(32).ne(image_format.VERSION), faults.VERSION),
        (words[0].ne(image_format.MAGIC), faults.MAGIC),
    ):
        found = mux(wrong, code, found)
    # Nothing is asked for before the header has been judged, which takes two clocks.
    compared = m.pipe("header_compared", header, reset=0)
    judged = m.pipe("header_judged", compared, reset=0)
    found = m.pipe("header_fault", found)
    header_fault = mux(judged, found, 0)
    rest = total.trunc(LENGTH_BITS) - HEADER

    # The header is fetched first, then what it says there is.
    asked.next = mux(
        start,
        HEADER,
        mux(judged & ~found.any(), rest, mux(gone, asked - fit(size, LENGTH_BITS), asked)),
    )
    address.next = mux(start, base[SHIFT:], mux(gone, address + fit(size, address.width), address))
    left.next = mux(start, HEADER, mux(header, rest, mux(take, left - 1, left)))

    # Place in the image
    # Known late; there are three clocks between words.
    last_part = m.reg("is_last_part", 1)
    section_last = m.pipe("is_last_row", _last_row(m, stage, row, counts))
    step = take & (in_header | last_part | at_end)
    leave = m.wire("leave", take & last_part & section_last & ~in_header & ~at_end)
    stage.next = mux(start, 0, mux(header_end | leave, stage + 1, stage))
    row.next = mux(start | header_end | leave, 0, mux(step, row + 1, row))
    following = mux(header_end | (take & last_part), 0, mux(take, part + 1, part))
    part.next = mux(start, 0, following)
    last_part.next = _last_part(stage, part, parts)

    # Rows
    held = m.reg("held", WORD * (max(p.words for p in parts) - 1))
    chain = cat(word, held)
    held.next = mux(take, chain[WORD:], held)
    written = [take & last_part & stage.eq(i + 1) for i in range(len(parts))]
    write = cat(*reversed(written[1:]))
    m.output("program_we", write)
    m.output("program_row", row.trunc(program_ports(tables)["program_row"]))
    m.output("program_word", chain)
    settings = {}
    for index, key in enumerate(tables.settings.stored):
        width = tables.settings.width(key)
        register = m.reg(key, width)
        register.next = mux(written[0] & row.eq(index), word.trunc(width), register)
        settings[key] = register
        m.output(key, register)
    check = _Checks(
        m, tables, parts, chain, dict(zip([p.name for p in parts], counts, strict=True))
    )
    bad = m.reg("bad_row", 1, reset=0)
    wrong = m.wire("wrong_row", check.wrong(written, row, settings))
    bad.next = ~start & (bad | wrong)

    # End
    crc = m.reg("crc", 32)
    halves = mux(half, word[32:], word.trunc(32))
    crc.next = mux(start, START, mux(have & ~at_end, crc_step(crc, halves), crc))
    end = m.pipe("end", take & at_end, reset=0)
    ahead = fit(settings["bursts"], 32) if ports > 1 else m.const(0, 32)
    for _ in range(ports - 2):
        ahead = ahead + fit(settings["bursts"], 32)
    before = cat(ahead[: 32 - BURST_BITS], m.const(0, BURST_BITS)) if ports > 1 else ahead
    beat_last = m.pipe("last_beat_of_all", before + fit(settings["beat_last"], 32))
    lacking = m.pipe("weights_lack", fit(weight_bytes[3:], 32).ule(beat_last))
    outcome = mux(lacking, faults.WEIGHTS, m.const(0, faults.STATUS_BITS))
    outcome = mux(bad, faults.DESCRIPTOR, outcome)
    outcome = mux(word.trunc(32).ne(~crc), faults.CHECKSUM, outcome)
    ended = mux(end, outcome, 0)
    # The words end with the checksum and not before; the header's are those that were asked for.
    uneven = take & ~in_header & (at_end ^ left.eq(1))
    answer = mux(refused, cat(m.const(0, faults.STATUS_BITS - 2), axi["rresp"]), 0)
    now = ended | header_fault
    now = mux(uneven, faults.LENGTH, now)
    now = mux(misplaced, faults.MISPLACED_LAST, now)
    now = mux(refused, answer, now)
    # A file shorter than a header is not asked for.
    short = said.ult(HEADER)
    status.next = mux(
        start, 0, mux(status.any(), status, mux(starts & short, faults.LENGTH, mux(active, now, 0)))
    )
    fails = now.any() | (starts & short)
    active.next = start | (active & ~fails & ~end & ~stop)
    loaded.next = ~start & (loaded | (end & active & ~now.any()))
    m.output("loading", active)
    m.output("loaded", loaded)
    m.output("status", status)
    return m


def _row_bits(parts: list[Section]) -> int:
    return max(address_width(HEADER), *(address_width(p.most) for p in parts))


def _part_bits(parts: list[Section]) -> int:
    return max(address_width(p.words) for p in parts)


def _counts(words: list[Signal], parts: list[Section]) -> list[Signal]:
    """The rows of each part: the header's counts from word 2 on, without the first."""
    numbers = [n for word in words[2:] for n in _halves(word)][1:]
    return numbers[: len(parts)]


def _halves(word: Signal) -> list[Signal]:
    return [word] if word.width == 32 else [word.trunc(32), word[32:]]


def _last_row(m: Module, stage: Signal, row: Signal, counts: list[Signal]) -> Signal:
    """Whether the row is the last of its part, a clock late."""
    behind = m.pipe("row_behind", fit(row, row.width + 1) + 1)
    hits = [
        stage.eq(i + 1) & behind.eq(count.trunc(behind.width)) for i, count in enumerate(counts)
    ]
    return reduce(Signal.__or__, hits)


def _last_part(stage: Signal, part: Signal, parts: list[Section]) -> Signal:
    """Whether the word is the last of its row."""
    hits = [stage.eq(i + 1) & part.eq(p.words - 1) for i, p in enumerate(parts)]
    return reduce(Signal.__or__, hits)


@dataclass
class _Checks:
    """What a row may not say; each is one comparison or two."""

    m: Module
    tables: MachineTables
    parts: list[Section]
    chain: Signal
    counts: dict[str, Signal]

    def fields(self, name: str) -> dict[str, Signal]:
        section = next(p for p in self.parts if p.name == name)
        return section.fields.fields(self.m, row_of(section, self.chain))

    def wrong(self, written: list[Signal], row: Signal, settings: dict[str, Signal]) -> Signal:
        """Whether the row that was written a clock ago was wrong."""
        rules = {
            "settings": self._setting(row),
            "layers": self._layer(row, settings),
            "tiles": self._tile(),
            "tile_rows": self._rows(),
        }
        m = self.m
        hits = [
            m.pipe(f"{name}_written", write, reset=0) & m.pipe(f"{name}_wrong", rules[name])
            for write, name in zip(written, [part.name for part in self.parts], strict=True)
            if name in rules
        ]
        return reduce(Signal.__or__, hits)

    def _setting(self, row: Signal) -> Signal:
        """A setting beyond its range, or another number of layers than rows."""
        settings, word = self.tables.settings, self.chain[self.chain.width - WORD :]
        hits = [row.eq(i) & word.ugt(settings.high(key)) for i, key in enumerate(settings.stored)]
        layers = fit(self.m.pipe("layer_last_said", self.counts["layers"] - 1), WORD)
        hits.append(row.eq(settings.stored.index("layer_last")) & word.ne(layers))
        return reduce(Signal.__or__, hits)

    def _layer(self, row: Signal, settings: dict[str, Signal]) -> Signal:
        """Tiles that there are not, a readout that is not the last layer, a pass over more than
        an image."""
        f, layers = self.fields("layers"), self.tables.layers
        last = row.eq(fit(settings["layer_last"], row.width))
        hits = [
            self._beyond(f["tile_first"], f["tiles_last"], "tiles"),
            f["readout"] ^ last,
            f["receive"] & f["readout"],
            row.eq(0) & ~f["receive"],
        ]
        width = layers.width("received_last")
        hits.append(f["received_last"].ugt(fit(settings["image_last"], width)))
        if self.tables.program.columns["layers"]["group"][1]:
            hits.append(f["group"].ugt(layers.high("group")))
        return reduce(Signal.__or__, hits)

    def _tile(self) -> Signal:
        """Runs that there are not, or a drain of no clock or of more than the array has."""
        f, tiles = self.fields("tiles"), self.tables.tiles
        hits = [self._beyond(f["run_first"], f["run_last"], "runs")]
        if "drain" in tiles.stored:
            hits += [~f["drain"].any(), f["drain"].ugt(tiles.high("drain"))]
        return reduce(Signal.__or__, hits)

    def _rows(self) -> Signal:
        """A tile without rows, or with more than the ring has."""
        rows = self.fields("tile_rows")["rows"]
        return ~rows.any() | rows.ugt(self.tables.program.ring)

    def _beyond(self, first: Signal, more: Signal, table: str) -> Signal:
        width = max(first.width, more.width, address_width(self.tables.program.depths[table])) + 2
        return (fit(first, width) + fit(more, width)).uge(self.counts[table].trunc(width))
