"""The clock model against a plain transcription of the formulas in docs/machine.md."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from snnir.schedule.cycles import WalkedRuns, layer_clocks, visits
from snnir.schedule.program import FIRE, Layer

RESOLVE, FLUSH = 7, 11


def clocks_by_the_book(runs, fifo, banks):
    """One image, entry by entry; `runs` are (events per bank, phase ends, pixel ends, drain)."""
    entries = [[] for _ in range(banks)]
    reached, phase_start, pixel_end, drain_before = None, 0, None, 0
    for events, phase_ends, pixel_ends, drain in runs:
        full = [f[len(f) - fifo] for f in entries if len(f) >= fifo]
        reached = RESOLVE if reached is None else reached + 1
        reached = max([reached, *(1 + f for f in full)])
        for bank, count in enumerate(events):
            if count or phase_ends:
                before = entries[bank][-1] + 1 if entries[bank] else 0
                start = max(before, reached + 1, phase_start)
                entries[bank].append(start + max(1, count) - 1)
        if phase_ends:
            end = max(f[-1] for f in entries)
            if pixel_ends:
                if pixel_end is not None:
                    end = max(end, pixel_end + drain_before)
                pixel_end, drain_before = end, drain
            phase_start = end + 1
    return pixel_end + drain_before + FLUSH


def clocks(runs, fifo):
    events, phase_end, pixel_end, drain = (list(column) for column in zip(*runs, strict=True))
    walked = WalkedRuns(
        np.array([events, events]), np.array(phase_end), np.array(pixel_end), np.array(drain)
    )
    found = layer_clocks(walked, fifo, RESOLVE, FLUSH)
    assert found[0] == found[1]
    return int(found[0])


def test_one_run():
    # Resolved at 7, the events take clocks 8 to 12, the drain 3, the flush 11.
    assert clocks([((5,), True, True, 3)], 4) == RESOLVE + 5 + 3 + FLUSH


def test_the_drain_of_the_pixel_before_is_waited_for():
    runs = [((1,), True, True, 9), ((1,), True, True, 9)]
    assert clocks(runs, 4) == RESOLVE + 1 + 9 + 9 + FLUSH


def test_banks_finish_together():
    assert clocks([((1, 6), True, True, 2)], 4) == RESOLVE + 6 + 2 + FLUSH


def test_runs_without_events_take_their_clock():
    runs = [((0,), False, False, 1)] * 3 + [((1,), True, True, 1)]
    assert clocks(runs, 4) == RESOLVE + 3 + 1 + 1 + FLUSH


pixels = st.lists(
    st.lists(  # phases
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=5),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(pixels, st.sampled_from([2, 4, 8]), st.integers(1, 8))
def test_any_program(layer, fifo, drain):
    runs = [
        (events, i + 1 == len(phase), i + 1 == len(phase) and j + 1 == len(pixel), drain)
        for pixel in layer
        for j, phase in enumerate(pixel)
        for i, events in enumerate(phase)
    ]
    assert clocks(runs, fifo) == clocks_by_the_book(runs, fifo, 2)


def test_pixels_are_visited_window_by_window():
    layer = Layer("a", FIRE, 0, 1, 1, 3, 4, 1, 2, (2, 2), (2, 2))
    assert visits(layer).tolist() == [
        [0, 0], [0, 1], [1, 0], [1, 1],
        [0, 2], [0, 3], [1, 2], [1, 3],
    ]  # fmt: skip
    assert np.array_equal(np.argwhere(layer.visited()), sorted(visits(layer).tolist()))


def test_padding_of_a_window_is_not_visited():
    layer = Layer("a", FIRE, 0, 1, 1, 2, 1, 2, 1, (2, 1), (1, 1), (1, 0))
    assert visits(layer).tolist() == [[0, 0], [0, 0], [1, 0]]
