"""Prints the fast C of a quantised network: tables, kernels, neurons."""

from __future__ import annotations

import re
from importlib import resources

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.slices import sliced
from snnir.backends.c import text
from snnir.backends.c.fast.choice import DOT, PRODUCT
from snnir.backends.c.fast.kernels import kernel_of, kernel_text, vector_types
from snnir.backends.c.fast.neurons import Path, PathPrinter
from snnir.backends.c.fast.plan import Late, Layer, Plan, Pool
from snnir.backends.c.gather import BY_COUNT
from snnir.backends.c.tables import rename
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense

EVENTS, ONE = {"CHAIN", "SPLIT", "SCALAR"}, {"ONE_PLANES", "ONE_VALUE"}
FAST_FILES = ("fast.h", "fast.c", "fast_weights.c")

KEPT_STATE = """\
    NAME_ALIGNED name_int kept[NAME_FAST_KEPT];        /* states of neurons behind a window */
    int32_t window;                                    /* windows of the sample that were run */
"""

SAMPLES = """\
/* A sample is several windows, each an image for name_fast_run: neurons begin it with the states
   that they had at the end of the one before. The next one is the first of a sample, as the very
   first one of a state has to be: */
void name_fast_begin(name_fast_state *state);

/* Runs `samples` of `windows` windows each, one behind the other, on as many threads as there are
   states; results as of name_fast_run_batch. */
void name_fast_run_samples(name_fast_state *states, int threads, const uint8_t *images,
                           int64_t samples, int32_t windows, int32_t *potentials,
                           name_word *words);

"""

_BANNER = (
    "/* Printed by snnir: the network computed layer by layer, without the machine's clocks. */\n"
)


def fast_sources(module: ModuleOp) -> dict[str, str]:
    """File name to text: fast.h, fast.c, fast_weights.c.

    Args:
        module: a quantised `snn` network.

    Raises:
        UserError: it is none, or one that C cannot express.
    """
    plan = Plan(sliced(module))
    printer = _Printer(plan)
    files = {}
    for name in FAST_FILES[:2]:
        parts = re.split(r"/\*@(\w+)@\*/\n", _template(name))
        parts[1::2] = [getattr(printer, section)() for section in parts[1::2]]
        files[name] = rename("".join(parts), plan.name)
    files["fast_weights.c"] = printer.weights()
    return files


def _template(name: str) -> str:
    return resources.files(__package__).joinpath(f"template/{name}").read_text()


class _Printer:
    """One method for each section of the templates."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.synapses = [s for layer in plan.layers for s in layer.synapses]
        self.kernels = list(dict.fromkeys(kernel_of(y, s) for y in plan.layers for s in y.synapses))
        self.paths: list[Path] = []
        self.layer_paths = []
        for layer in plan.layers:
            path = Path(layer.path, layer.lanes, layer.halves)
            if path not in self.paths:
                self.paths.append(path)
            self.layer_paths.append(self.paths.index(path))
        self.kinds = {kernel.kind for kernel in self.kernels}
        self.maps = [m for m in plan.maps.values() if m.label]
        self.kept, self.kept_size = [], 0
        for layer in plan.layers:
            self.kept.append(self.kept_size)
            if layer.path.keeps:
                self.kept_size += _kept(layer)

    def banner(self) -> str:
        return _BANNER

    def sizes(self) -> str:
        plan = self.plan
        c, h, w = plan.encode.train.type.dims
        readout = plan.layers[-1]
        numbers = {
            "IMAGE_HEIGHT": h,
            "IMAGE_WIDTH": w,
            "IMAGE_CHANNELS": c,
            "IMAGE": h * w * c,
            "OUTPUTS": int(np.prod(readout.op.current.type.dims)),
            "MAPS": len(self.maps),
            "WORDS": plan.words,
            # Vector code reads and writes up to a register beyond the end.
            "VALUES": plan.values[DOT] + 64,
            "INTEGERS": plan.values[PRODUCT] + 16,
            "CURRENTS": plan.currents + 64,
            "EVENTS": plan.events + 16,
            "QUADS": plan.quads + 1,
            "STARTS": plan.starts + 16,
            "POOL": 2 * max((p.row for p in plan.stages if isinstance(p, Pool)), default=1),
            "RUNS": max((max(s.chunks) for s in self.synapses), default=1),
        }
        if plan.keeps:
            numbers |= {"KEPT": max(self.kept_size, 1), "WINDOWS": plan.encode.window_count}
        return "".join(f"#define NAME_FAST_{k} {v}\n" for k, v in numbers.items())

    def types(self) -> str:
        bits = 16 if any(m.steps > 8 for m in self.plan.maps.values()) else 8
        integer = 64 if any(layer.bits > 32 for layer in self.plan.layers) else 32
        lines = [
            "/* A train: its first step is the most significant of its bits. */",
            f"typedef uint{bits}_t name_word;",
            *(["#define NAME_BYTES 1"] if bits == 8 else []),
            f"typedef int{integer}_t name_int;",
        ]
        return "\n".join([*lines, "\n"])

    def tables(self) -> str:
        plan = self.plan
        maps = [
            f"    {{{text.string(m.label)}, {m.offset}, {m.dims[0]}, {m.dims[1]}, {m.dims[2]}}},"
            for m in self.maps
        ]
        runs, chunks, tiles, rows, labels = [], [], [], [], []
        layers, params = [], []
        for layer, path, kept in zip(plan.layers, self.layer_paths, self.kept, strict=True):
            first = len(rows)
            for s in layer.synapses:
                (c, h, w), (_, oh, ow) = s.dims, s.op.current.type.dims
                _, mh, mw = s.source.dims
                by_count = int(layer.path.gather == BY_COUNT)
                rows.append(
                    (self.kernels.index(kernel_of(layer, s)), s.source.offset, mh, mw, *s.window,
                     h, w, c, s.groups, c // s.groups, layer.steps(s), by_count,
                     oh, ow, *s.strides, *s.corner, *s.padded,
                     len(runs), len(s.runs), len(chunks), len(s.chunks),
                     s.scratch, s.starts, len(tiles), s.weights.size, s.delay)
                )  # fmt: skip
                labels.append(layer.op.label.data)
                runs += s.runs
                chunks += s.chunks
                tiles += s.weights.tiles
            channels = layer.op.current.type.dims[0]
            count = -(-channels // layer.tile)
            size = layer.pixels * layer.planes * layer.tile * (2 if layer.halves else 4)
            size = -(-layer.pixels // 16) * layer.lanes * 4 + 64 if layer.packed else size
            layers.append(
                (path, channels, layer.pixels, layer.planes, layer.tile, count, size,
                 layer.map.offset if layer.map else 0, len(params), first, len(rows) - first,
                 layer.stride, 16 if layer.packed else 1, *([kept] if plan.keeps else []))
            )  # fmt: skip
            params += _parameters(layer, count)
        pools = [s for s in plan.stages if isinstance(s, Pool)]
        parts = [
            "extern const int8_t *const name_fast_narrow;\n",
            "extern const int32_t *const name_fast_wide;\n",
            "#define narrow_weights name_fast_narrow\n#define wide_weights name_fast_wide\n\n",
            "\n".join(["const name_fast_map name_fast_maps[NAME_FAST_MAPS] = {", *maps, "};\n\n"]),
            text.table("static const struct run runs[]", runs) if self.kinds - ONE else "",
            "\n" + _flat("static const int32_t chunks[]", chunks) if self.kinds & EVENTS else "",
            "\n" + text.table("static const struct tile tiles[]", tiles),
            "\n" + text.table("static const struct synapse synapses[]", rows, labels),
            "\n" + text.table("static const struct layer layers[]", layers),
            "\n" + _flat("static const name_int params[]", params or [0]),
            "\n" + self._pools(pools),
        ]
        return "".join(parts)

    def _pools(self, pools: list[Pool]) -> str:
        if not pools:
            return ""
        rows = []
        for p in pools:
            (c, h, w), (_, oh, ow) = p.source.dims, p.map.dims
            counts = int(p.source.coding == "rate")
            rows.append(
                (p.source.offset, p.map.offset, c, h, w, *p.window, oh, ow, counts, int(p.padded))
            )
        struct = """\
struct pool {
    int32_t from, to, channels, height, width, kernel_y, kernel_x, stride_y, stride_x, top, left,
        out_height, out_width, counts, padded;
};

"""
        return struct + text.table("static const struct pool pools[]", rows) + "\n"

    def image_word(self) -> str:
        levels = self.plan.encode.levels
        return text.image_word(int_list(levels) if levels is not None else ())

    def maxpool(self) -> str:
        pools = [stage for stage in self.plan.stages if isinstance(stage, Pool)]
        across = _template("maxslices.c") if any(pool.pixels for pool in pools) else ""
        return _template("maxpool.c") + across if pools else ""

    def lists(self) -> str:
        return _template("lists.c") if self.kinds & EVENTS else ""

    def values(self) -> str:
        parts = []
        for kind, name, base, array in (
            ("DOT", "byte_values", "uint8_t", "values"),
            ("DOT_PLANES", "byte_planes", "uint8_t", "values"),
            ("PRODUCT", "integer_values", "int32_t", "integers"),
        ):
            if kind in self.kinds:
                file = "planes.c" if kind == "DOT_PLANES" else "values.c"
                source = _template(file).replace("NAME_OF", name)
                parts.append(source.replace("NAME_TYPE", base).replace("NAME_ARRAY", array))
        return "".join(parts)

    def kernels_text(self) -> str:
        vectors = vector_types(self.kernels)
        lines = []
        if vectors:
            lines += ["#if defined(NAME_VECTORS)", *vectors, "#endif\n"]
        if self.kinds & {"DOT", "DOT_PLANES"}:
            lines.append(_template("dot.c"))
        lines += [kernel_text(kernel) for kernel in self.kernels]
        prepare = dict.fromkeys(EVENTS, "list_events") | {
            "DOT_PLANES": "byte_planes",
            "DOT": "byte_values",
            "PRODUCT": "integer_values",
        }
        lines += [
            "/* What a synapse needs of its source before its tiles are computed. */",
            "static void prepare(name_fast_state *s, const struct synapse *y)",
            "{",
            "    switch (y->kernel) {",
        ]
        for index, kernel in enumerate(self.kernels):
            if kernel.kind in prepare:
                lines += [
                    f"    case {index}:",
                    f"        {prepare[kernel.kind]}(s, y);",
                    "        break;",
                ]
        lines += [
            "    default:",
            "        (void)s;",
            "    }",
            "}\n",
            "/* Adds to the currents of a tile what the channels of one group give. */",
            "static void gather(name_fast_state *s, const struct synapse *y, int32_t channel, "
            "int32_t group,\n                   int32_t weights)",
            "{",
            "    (void)channel;",
            "    switch (y->kernel) {",
        ]
        for index, kernel in enumerate(self.kernels):
            label = f"case {index}:" if index + 1 < len(self.kernels) else "default:"
            which = "channel" if kernel.kind.startswith("ONE") else "group"
            lines += [f"    {label}", f"        {kernel.name}(s, y, {which}, weights);",
                      "        break;"]  # fmt: skip
        lines += ["    }", "    (void)group;", "}\n", ""]
        return "\n".join(lines)

    def neurons(self) -> str:
        printers = [PathPrinter(index, path) for index, path in enumerate(self.paths)]
        lines = ["/* Neurons */\n", *(printer.text() for printer in printers)]
        lines += [
            "/* The neurons of a tile at all pixels. */",
            "static void activate(name_fast_state *s, const struct layer *l, int32_t t, "
            "int32_t *potentials)",
            "{",
            "    const int32_t channel = t * l->tile;",
            "    for (int32_t p = 0; p < l->pixels; p += l->at_once) {",
            "        const int32_t at = p * l->planes * l->stride;",
            "        const int32_t to = l->words + p * l->channels + channel;",
            "        const int32_t lanes = l->at_once == 1",
            "                                  ? least(l->tile, l->channels - channel)",
            "                                  : least(l->at_once, l->pixels - p) * l->channels;",
            "        switch (l->path) {",
        ]
        for printer in printers:
            path, index = printer.path, printer.index
            label = f"case {index}: {{" if printer is not printers[-1] else "default: {"
            member = "half" if printer.halves else "whole"
            names = len(printer.params)
            param = f"params + l->params + t * {names * printer.lanes}"
            kind = "int32_t" if path.is_readout else "name_word"
            store = (
                ["            for (int32_t c = 0; c < lanes; ++c)",
                 "                potentials[(channel + c) * l->pixels + p] = out[c];"]
                if path.is_readout
                else ["            memcpy(s->words + to, out, (size_t)lanes * sizeof *out);"]
            )  # fmt: skip
            given = f"{param}, s->currents.{member} + at, out"
            if path.keeps:
                words = len(printer.states) * printer.lanes
                blocks = "((l->pixels + l->at_once - 1) / l->at_once)"
                block = f"(t * {blocks} + p / l->at_once)"
                given += f", s->kept + l->kept + {block} * {words}, s->window == 0, lanes"
            lines += [
                f"        {label}",
                f"            {kind} out[{printer.lanes}];",
                f"            {printer.name}({given});",
                *store,
                "            break;",
                "        }",
            ]
        lines += ["        }", "        (void)to;", "    }", "    (void)potentials;", "}\n", ""]
        return "\n".join(lines)

    def stages(self) -> str:
        lines, layer, pool = [], 0, 0
        for stage in self.plan.stages:
            if isinstance(stage, Pool):
                across = f"max_slices(state, pools + {pool}, {stage.pixels});"
                plain = f"max_pool(state, pools + {pool});"
                lines.append(f"    {across if stage.pixels else plain}")
                pool += 1
            elif isinstance(stage, Late):
                lines.append(f"    {self._late('take_late', stage)}")
            else:
                lines.append(
                    f"    run_layer(state, layers + {layer}, potentials); "
                    f"/* {text.comment(stage.op.label.data)} */"
                )
                layer += 1
        return "\n".join([*lines, ""])

    def layer_kept(self) -> str:
        return "    int32_t kept;\n" if self.plan.keeps else ""

    def _late(self, function: str, late: Late) -> str:
        source = self.plan.maps[late.of]
        numbers = (source.offset, late.map.offset, source.size, late.delay, source.steps)
        return f"{function}(state, {', '.join(map(str, numbers))});"

    def late(self) -> str:
        """Functions of maps that reach into the window before."""
        return _template("late.c") if self.plan.late else ""

    def window_begins(self) -> str:
        if not self.plan.keeps:
            return ""
        return "".join(f"    {self._late('begin_late', late)}\n" for late in self.plan.late)

    def window_ends(self) -> str:
        return "    state->window += state->window < INT32_MAX;\n" if self.plan.keeps else ""

    def kept_state(self) -> str:
        return KEPT_STATE if self.plan.keeps else ""

    def samples(self) -> str:
        return SAMPLES if self.plan.keeps else ""

    def samples_text(self) -> str:
        return _template("samples.c") if self.plan.keeps else ""

    def weights(self) -> str:
        rows = self.plan.rows
        narrow, wide = rows.bytes(), rows.integers()
        count = -(-narrow.size // text.WEIGHT_ROW)
        head = f"""\
#include "fast.h"

extern const int8_t *const name_fast_narrow;
extern const int32_t *const name_fast_wide;

NAME_ALIGNED static const char narrow[{count}][{text.WEIGHT_ROW}] = {{
"""
        tail = """\

const int8_t *const name_fast_narrow = (const int8_t *)narrow;
const int32_t *const name_fast_wide = wide;
"""
        integers = _flat("NAME_ALIGNED static const int32_t wide[]", wide.tolist())
        # The bytes of the weights are text that must not be searched for names.
        return "".join(
            [
                _BANNER,
                rename(head, self.plan.name),
                text.weight_rows(narrow),
                "};\n\n",
                rename(integers + tail, self.plan.name),
            ]
        )


def _kept(layer: Layer) -> int:
    """Words of what a layer's neurons keep: for each tile and pixel, or block of pixels."""
    tiles = -(-layer.op.current.type.dims[0] // layer.tile)
    blocks = -(-layer.pixels // 16) if layer.packed else layer.pixels
    return tiles * blocks * len(layer.path.neuron.state_names) * layer.lanes


def _parameters(layer: Layer, tiles: int) -> list[int]:
    """Parameters by tile, each for all channels of it; channels that there are not get 0."""
    width = tiles * layer.tile
    rows = []
    for name in layer.path.neuron.param_names:
        values = from_dense(layer.op.params.data[name]).astype(np.int64).reshape(-1)
        values = np.tile(values, 16) if layer.packed else np.pad(values, (0, width - values.size))
        rows.append(values)
    stacked = np.array(rows, np.int64).reshape(len(rows), tiles, layer.lanes)
    return stacked.transpose(1, 0, 2).reshape(-1).tolist()


def _flat(declaration: str, values: list[int]) -> str:
    """A list of integers, some in each line."""
    lines = [
        "    " + ", ".join(map(str, values[i : i + 16])) + "," for i in range(0, len(values), 16)
    ]
    return "\n".join([f"{declaration} = {{", *lines, "};\n"])
