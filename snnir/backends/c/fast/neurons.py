"""Neurons of the fast C: each region is a loop over a tile's channels, which compilers vectorise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from snnir.backends.c.gather import BY_PLANE
from snnir.backends.c.neurons import INT, RESERVED, Datapath, DatapathPrinter, Names


@dataclass(frozen=True)
class Path:
    """A datapath for tiles of one width; `halves` as in `Layer`."""

    datapath: Datapath
    tile: int
    halves: bool


class PathPrinter(DatapathPrinter):
    """The C function of one path: a pixel's currents to the words or potentials of a tile."""

    def __init__(self, index: int, path: Path):
        super().__init__(index, path.datapath)
        self.tile, self.halves = path.tile, path.halves
        names = Names(set(RESERVED | {"param", "current", "out", "trains"}))
        self.states = {name: names.of(name) for name in self.neuron.state_names}
        self.params = {name: names.of(name) for name in self.neuron.param_names}
        self.taken = names.taken | {f"all_{state}" for state in self.states.values()}

    def text(self) -> str:
        path, tile, emission = self.path, self.tile, self.neuron.emission.data
        current = "int16_t" if self.halves else "int32_t"
        out = "int32_t" if path.is_readout else "name_word"
        fires = emission != "none" and not path.is_readout
        lines = [
            *self.title(),
            f"static void {self.name}(const {INT} *param, const {current} *current, {out} *out)",
            "{",
            f"    {INT} {', '.join(f'all_{state}[{tile}]' for state in self.states.values())};",
        ]
        if fires:
            lines.append(f"    uint32_t trains[{tile}] = {{0}};")
        lines += self.loop("start", loads=False)
        integrate = {"i": self.current_of()}
        if emission == "causal":
            fire = {"left": f"{path.calls - 1} - step"}
            lines += self.steps(path.calls, [("integrate", integrate), ("fire", fire)])
        else:
            lines += self.steps(path.calls, [("integrate", integrate)])
            lines += self.loop("settle")
        if emission == "after":
            left = {"left": f"{path.steps - 1} - step"}
            lines += self.steps(path.steps, [("fire", left)])
        state = next(iter(self.states.values()))
        result = "(name_word)trains[c]" if fires else f"(int32_t)all_{state}[c]"
        used = "\n".join(lines)
        lines += [f"    for (int c = 0; c < {tile}; ++c)", f"        out[c] = {result};"]
        for unused in ("param", "current"):
            if not re.search(rf"\b{unused}\[", used):
                lines.append(f"    (void){unused};")
        return "\n".join([*lines, "}\n"])

    def current_of(self) -> str:
        path = self.path
        scale = f" * (({INT})1 << {path.fraction})" if path.fraction else ""
        if path.gather == BY_PLANE and path.takes_sum:
            terms = (
                f"current[{p * self.tile} + c] * (({INT})1 << {path.planes - 1 - p})"
                for p in range(path.planes)
            )
            return f"({' + '.join(terms)}){scale}"
        if path.gather == BY_PLANE:
            return f"current[step * {self.tile} + c]{scale}"
        if path.takes_sum:
            return f"current[c]{scale}"
        return f"step + 1 == {path.calls} ? current[c]{scale} : 0"

    def steps(self, count: int, roles) -> list[str]:
        body = [line for role, known in roles for line in self.loop(role, **known)]
        if not body:
            return []
        return [
            f"    for (int step = 0; step < {count}; ++step) {{",
            *(f"    {line}" for line in body),
            "    }",
        ]

    def loop(self, role: str, loads: bool = True, **known: str) -> list[str]:
        """A region applied to each channel of the tile; nothing if it changes nothing."""
        body = self.region(role, **known)
        if role == "fire":
            body = [line.replace("train = train <<", "trains[c] = trains[c] <<") for line in body]
            if self.path.is_readout:
                body = [line for line in body if "trains[c]" not in line]
        if len(body) <= 2:
            return []
        text = "\n".join(body)
        lines = [f"    for (int c = 0; c < {self.tile}; ++c) {{"]
        for index, name in enumerate(self.params.values()):
            if re.search(rf"\b{name}\b", text):
                lines.append(f"        const {INT} {name} = param[{index * self.tile} + c];")
        for state in self.states.values():
            value = f" = all_{state}[c]" if loads else ""
            lines.append(f"        {INT} {state}{value};")
        lines += [f"        {line}" for line in body]
        lines += [f"        all_{state}[c] = {state};" for state in self.states.values()]
        return [*lines, "    }"]
