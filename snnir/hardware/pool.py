"""The max pool: of the trains of a window the one of greatest value, the first on a tie."""

from __future__ import annotations

from snnir.hardware.builder import Module, Signal, cat, mux
from snnir.hardware.memories import lutram_1r1w
from snnir.hardware.tables import HardwareTables


def popcount(value: Signal) -> Signal:
    """The number of ones."""
    width = value.width.bit_length()
    level = [bit.zext(width) for bit in value]
    while len(level) > 1:
        level = [
            level[i] + level[i + 1] if i + 1 < len(level) else level[i]
            for i in range(0, len(level), 2)
        ]
    return level[0]


def pool_module(tables: HardwareTables) -> Module:
    """The best train of the window so far is kept for each channel of the tile.

    A radix train's value is the train as a number, a rate train's its count of spikes; `rate` says
    which. Ports: `valid`, `train`, `number` (the channel), `window_first`, `window_last`, and
    `last`, `row_last`, which pass through; the outputs follow after two clocks, `store` where a
    window is complete.
    """
    program = tables.program
    planes, channels = program.array.planes, program.array.channels
    m = Module("pool", doc="the train of greatest value in each pooling window")
    m.clock()
    m.input("rst", 1)
    rate = tables.layers.inputs(m, ["rate"])["rate"]
    train = m.input("train", planes)
    count = popcount(train)
    width = count.width if rate.constant == 1 else planes
    value = count if rate.constant == 1 else train
    if rate.constant is None:
        width = max(planes, count.width)
        value = mux(rate, count.zext(width), train.zext(width))
    valid = m.pipe("valid_s1", m.input("valid", 1), reset=0)
    train, value = m.pipe("train_s1", train), m.pipe("value_s1", value)
    names = ("window_first", "window_last", "last", "row_last")
    flags = {key: m.pipe(f"{key}_s1", m.input(key, 1)) for key in names}
    number = m.pipe("number_s1", m.input("number", max(1, (channels - 1).bit_length())))
    if any(layer.is_pooled for layer in program.layers):
        better = m.wire("better", 1)
        best = m.instance(
            "best",
            lutram_1r1w(width + planes, channels),
            we=valid & better,
            waddr=number,
            wdata=cat(value, train),
            raddr=number,
        )["rdata"]
        better.drive(flags["window_first"] | value.ugt(best[planes:]))
        train = mux(better, train, best[:planes])
    m.output("store", m.pipe("store", valid & flags["window_last"], reset=0))
    m.output("stored", m.pipe("stored", train))
    m.output("stored_last", m.pipe("stored_last", flags["last"]))
    m.output("stored_row_last", m.pipe("stored_row_last", flags["row_last"]))
    return m
