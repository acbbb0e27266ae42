"""The max pool: of the trains of a window the one of greatest value, the first on a tie."""

from __future__ import annotations

from snnir.hardware.language.builder import Module, Signal, cat, mux
from snnir.hardware.memories import lutram_1r1w
from snnir.hardware.tables import HardwareTables


def popcount(value: Signal) -> Signal:
    """The number of ones, by full adders: small logic, where sums of words are carry chains."""
    column, total = list(value), []
    while column:
        following = []
        while len(column) > 1:
            a, b, *column = column
            odd, both = a ^ b, a & b
            if column:
                c, *column = column
                odd, both = odd ^ c, both | (odd & c)
            column.append(odd)
            following.append(both)
        total += column
        column = following
    return cat(*reversed(total))


def _value(train: Signal, rate: Signal) -> Signal:
    """By what trains are compared."""
    count = popcount(train)
    if rate.constant is not None:
        return count if rate.constant else train
    width = max(train.width, count.width)
    return mux(rate, count.zext(width), train.zext(width))


def pool_module(tables: HardwareTables) -> Module:
    """The best train of the window so far is kept for each channel of the tile, lane by lane.

    A radix train's value is the train as a number, a rate train's its count of spikes; `rate` says
    which. Ports: `valid`, `train` (drain * planes: a train per lane), `used` (lanes with a
    channel; the others' trains become silent), `number` (of the group), `window_first`,
    `window_last`, and `last`, `row_last`, which pass through; the outputs follow after two clocks,
    `store` where a window is complete.
    """
    program = tables.program
    planes, lanes = program.array.planes, program.array.drain
    m = Module("pool", doc="the train of greatest value in each pooling window")
    m.clock()
    m.input("rst", 1)
    rate = tables.layers.inputs(m, ["rate"])["rate"]
    word = m.input("train", lanes * planes)
    trains = [word.bits(lane * planes, planes) for lane in range(lanes)]
    if lanes > 1:
        used = m.input("used", lanes)
        trains = [mux(used[lane], train, 0) for lane, train in enumerate(trains)]
    values = [_value(train, rate) for train in trains]
    valid = m.pipe("valid_s1", m.input("valid", 1), reset=0)
    trains = [m.pipe("train_s1", train) for train in trains]
    values = [m.pipe("value_s1", value) for value in values]
    names = ("window_first", "window_last", "last", "row_last")
    flags = {key: m.pipe(f"{key}_s1", m.input(key, 1)) for key in names}
    coming = m.input("number", tables.group_bits)
    number = m.pipe("number_s1", coming)
    if tables.pools:
        again = m.wire("again", coming.eq(number) & valid)
        for lane, (train, value) in enumerate(zip(trains, values, strict=True)):
            better = m.wire("better", 1)
            written = m.instance(
                f"best{lane}",
                lutram_1r1w(value.width + planes, tables.groups),
                we=valid & better,
                waddr=number,
                wdata=cat(value, train),
                raddr=coming,
            )["rdata"]
            # Read a clock early, so that the comparison starts from registers; what is written in
            # that clock has to go round the memory. Behind the registers, as synthesis takes a
            # choice in front of them for a memory that it may read a clock later.
            around = m.pipe(f"around{lane}", again & better)
            new = m.pipe(f"new{lane}", cat(value, train))
            best = mux(around, new, m.pipe(f"read{lane}", written))
            better.drive(flags["window_first"] | value.ugt(best[planes:]))
            trains[lane] = mux(better, train, best[:planes])
    m.output("store", m.pipe("store", valid & flags["window_last"], reset=0))
    m.output("stored", m.pipe("stored", cat(*reversed(trains))))
    m.output("stored_last", m.pipe("stored_last", flags["last"]))
    m.output("stored_row_last", m.pipe("stored_row_last", flags["row_last"]))
    return m
