"""Neurons of the fast C: one loop over a tile's channels, which compilers vectorise.

All steps are written out in its body, so that states stay in registers from the first to the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from snnir.backends.c.gather import BY_PLANE
from snnir.backends.c.neurons import INT, RESERVED, Datapath, DatapathPrinter, Names


@dataclass(frozen=True)
class Path:
    """A datapath for as many channels at once; `halves` as in `Layer`."""

    datapath: Datapath
    lanes: int
    halves: bool


class PathPrinter(DatapathPrinter):
    """The C function of one path: a pixel's currents to the words or potentials of a tile."""

    def __init__(self, index: int, path: Path):
        super().__init__(index, path.datapath)
        self.lanes, self.halves = path.lanes, path.halves
        names = Names(set(RESERVED | {"param", "current", "out", "trains", "is_first", "lanes"}))
        self.states = {name: names.of(name) for name in self.neuron.state_names}
        self.params = {name: names.of(name) for name in self.neuron.param_names}
        self.taken = names.taken

    def text(self) -> str:
        path, emission = self.path, self.neuron.emission.data
        fires = emission != "none" and not path.is_readout
        body = self.region("start")
        if path.keeps:
            body += ["if (!is_first) {", *self._states("    {0} = kept[{1} + c];"), "}"]
        for call in range(path.calls):
            body += self.region("integrate", i=self.current_of(call))
            if emission == "causal":
                body += self.region("fire", left=str(path.calls - 1 - call))
        if emission != "causal":
            body += self.region("settle")
        if emission == "after":
            for step in range(path.steps):
                body += self.region("fire", left=str(path.steps - 1 - step))
        if not fires:
            body = [line for line in body if not line.strip().startswith("train = train")]
        if path.keeps:
            body += self._states("kept[{1} + c] = c < lanes ? {0} : 0;")
        used = "\n".join(body)
        state = next(iter(self.states.values()))
        lines = [
            *self.title(),
            f"static void {self.name}(const {INT} *restrict param, "
            f"const {'int16_t' if self.halves else 'int32_t'} *restrict current,",
            f"            {' ' * len(self.name)} "
            f"{'int32_t' if path.is_readout else 'name_word'} *restrict out"
            + (f", {INT} *restrict kept, int is_first, int lanes)" if path.keeps else ")"),
            "{",
            # Compilers that unroll the loop do not see any more that it is one of vectors.
            "NAME_ROLLED",
            f"    for (int c = 0; c < {self.lanes}; ++c) {{",
        ]
        for index, name in enumerate(self.params.values()):
            if re.search(rf"\b{name}\b", used):
                lines.append(f"        const {INT} {name} = param[{index * self.lanes} + c];")
        lines.append(f"        {INT} {', '.join(self.states.values())};")
        if fires:
            lines.append("        uint32_t train = 0;")
        lines += [f"        {line}" for line in body]
        if fires:
            # Bytes in this loop would cut its vectors to as many lanes of 32 bits.
            lines.insert(
                -len(lines) + lines.index("NAME_ROLLED"), f"    uint32_t trains[{self.lanes}];"
            )
            lines += ["        trains[c] = train;", "    }", "NAME_ROLLED"]
            lines += [
                f"    for (int c = 0; c < {self.lanes}; ++c)",
                "        out[c] = (name_word)trains[c];",
            ]
        else:
            lines += [f"        out[c] = (int32_t){state};", "    }"]
        lines += [f"    (void){name};" for name in ("param", "current")]
        return "\n".join([*lines, "}\n"])

    def _states(self, line: str) -> list[str]:
        """A line for each state, with where it is kept."""
        states = enumerate(self.states.values())
        return [line.format(state, index * self.lanes) for index, state in states]

    def current_of(self, call: int) -> str:
        """What one call of `integrate` takes."""
        path, tile = self.path, self.lanes
        scale = f" * (({INT})1 << {path.fraction})" if path.fraction else ""
        if path.gather == BY_PLANE and path.takes_sum:
            terms = (
                f"current[{p * tile} + c] * (({INT})1 << {path.planes - 1 - p})"
                for p in range(path.planes)
            )
            return f"({' + '.join(terms)}){scale}"
        if path.gather == BY_PLANE:
            return f"current[{call * tile} + c]{scale}"
        # Integration is linear: the sum over all planes may come with the last of them.
        return f"current[c]{scale}" if path.takes_sum or call + 1 == path.calls else "0"
