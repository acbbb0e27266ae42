"""What a neuron may begin a window with, and what its regions then hold: by induction over windows.

The first window begins with the states as declared. Where some ranges of the states hold at the end
of it, and at the end of a window that begins within them, they hold behind all windows. Where there
are none, as of a membrane that nothing bounds, each window of a sample is gone through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from snnir.analysis.intervals import Interval, interval
from snnir.analysis.ranges import ENDLESS_STEPS, CallRanges, call_ranges
from snnir.analysis.windows import ENDLESS
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.proof.life import Range

States = tuple[Range, ...]


@dataclass(frozen=True)
class Window:
    """The calls of one window, or of all behind the first.

    Args:
        before: what the states may be when it begins; None where they are as declared.
    """

    before: States | None
    calls: list[CallRanges]

    @property
    def begins(self) -> States:
        """What they may be behind its first call: of a first window, `start`."""
        return _ends(self.calls[0])

    @property
    def ends(self) -> States:
        """What the states may be behind it."""
        return _ends(self.calls[-1])


def _ends(call: CallRanges) -> States:
    return tuple((int(low[0]), int(high[0])) for low, high in call.results)


def window_ranges(
    neuron: NeuronOp,
    params: Mapping[str, Interval],
    currents: Sequence[Interval],
    steps_out: int,
    windows: int,
    fits: Callable[[Window], bool],
) -> list[Window] | None:
    """The windows of a sample, as analysis has them; what is said of each is still to be proved.

    Args:
        windows: of a sample; 0 stands for any number.
        fits: whether there is room for all values of a window.

    Returns:
        The first window, behind it one for all others or each of them; None if one does not fit.
    """

    def window(before: States | None) -> Window:
        states = None if before is None else [interval(*ends) for ends in before]
        return Window(before, list(call_ranges(neuron, params, currents, steps_out, states)))

    try:
        first = window(None)
        if not fits(first):
            return None
        if windows == 1:
            return [first]
        most = (windows or ENDLESS_STEPS // len(currents) + 1) - 1
        always = _invariant(window, first.ends, most, fits)
        if always is not None:
            return [first, always]
        return None if windows == ENDLESS else _each(window, first, windows, fits)
    except UserError:
        return None


def _invariant(
    window: Callable[[States], Window], ends: States, most: int, fits: Callable[[Window], bool]
) -> Window | None:
    """A window behind which the states are within what they were in front of it."""
    for _ in range(most):
        found = window(ends)
        if not fits(found):
            return None
        joined = tuple(map(around, ends, found.ends))
        if joined == ends:
            return found
        ends = joined
    return None


def _each(
    window: Callable[[States], Window], first: Window, count: int, fits: Callable[[Window], bool]
) -> list[Window] | None:
    found = [first]
    while len(found) < count and found[-1].ends != found[-1].before:
        found.append(window(found[-1].ends))
        if not fits(found[-1]):
            return None
    return found


def around(a: Range, b: Range) -> Range:
    """The range around two."""
    return min(a[0], b[0]), max(a[1], b[1])
