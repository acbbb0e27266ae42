"""The sections of the C templates that depend on the network."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from functools import partial
from importlib import resources

import numpy as np

from snnir.backends.c import text
from snnir.backends.c.model import LANES, CModel
from snnir.backends.c.neurons import datapaths_text
from snnir.backends.c.windows import KEEPING, RECURRING, TOGETHER
from snnir.schedule.loading import Ddr, row_layout
from snnir.schedule.program import FIRE, READOUT, RECEIVE

COMPUTES = (FIRE, READOUT)


def rename(source: str, name: str) -> str:
    """Template text with its identifiers `name_x` and `NAME_X` prefixed by the model's name."""
    return re.sub(r"\bNAME_", f"{name.upper()}_", re.sub(r"\bname_", f"{name}_", source))


STREAMING = {
    "tile_begins": "        tile_begins(s, l->tile_first + i);\n",
    "tile_ends": "        tile_ends(s, l->tile_first + i);\n",
    "loader_start": "    loader_start(&state->loader);\n",
    "ddr_defaults": """\
    state->ddr_latency = DDR_LATENCY;
    state->ddr_rate = DDR_RATE;
""",
    "ddr_fields": """\
    /* The DDR that weights come from, for the clock counts: clocks from a request to its first
       beat, and beats in 256 clocks. */
    int ddr_latency, ddr_rate;
""",
    "loader_types": """\
/* The loader of weights; see "Weights from DDR" in docs/machine.md of snnir. */
typedef struct {
    int64_t beat, last, request, done[4], ends[NAME_TILES];
    int32_t credit, oldest;
} name_loader;

""",
    "loader_state": "    name_loader loader;\n",
    "ddr_usage": """\
    "  --ddr-latency N clocks from a request for weights to its first beat (DDR_LATENCY)\\n"
    "  --ddr-rate N    beats in 256 clocks at each port, 1 to 256 (DDR_RATE)\\n"
""",
    "ddr_options": "    long ddr_latency, ddr_rate;\n",
    "ddr_parsing": """\
        } else if (strcmp(word, "--ddr-latency") == 0) {
            options->ddr_latency = strtol(argv[++i], &end, 10);
            if (*end != '\\0' || options->ddr_latency < 1 || options->ddr_latency > 1000000)
                return fail(argv[i], "not a number of clocks, 1 to 1000000") + 2;
        } else if (strcmp(word, "--ddr-rate") == 0) {
            options->ddr_rate = strtol(argv[++i], &end, 10);
            if (*end != '\\0' || options->ddr_rate < 1 || options->ddr_rate > 256)
                return fail(argv[i], "not a number of beats, 1 to 256") + 2;
""",
    "ddr_setting": """\
        if (options.ddr_latency > 0)
            states[i].ddr_latency = (int)options.ddr_latency;
        if (options.ddr_rate > 0)
            states[i].ddr_rate = (int)options.ddr_rate;
""",
    "loader": "",
}
"""Sections that only a program has whose weights come from DDR. Numbers: DDR_LATENCY, DDR_RATE."""

OF_DDR = tuple(name for name in STREAMING if name.startswith("ddr_"))
"""Those that a program has as well whose maps are there."""

MOVING = {
    "layer_note": "   It waits for the first `waits` moves.\n",
    "layer_parts": "    int32_t image_row;\n",
    "layer_moves": "    int32_t waits;\n",
    "image_row": "    image += (size_t)l->image_row * (size_t)(width * channels);\n",
    "moves": "",
    "mover_start": "    state->moved = 0;\n",
    "moves_begin": """        const int64_t begin = state->cycles;
        begin_moves(state, l);
""",
    "moved": "        state->layer_cycles[i] = state->cycles - begin;\n",
    "maps_state": """    /* Feature maps in DDR; moves that started, and when they end. */
    int32_t moved;
    int64_t move_ends[NAME_MOVES];
    name_event map_events[NAME_MAP_EVENTS];
    name_position map_pointers[NAME_MAP_POINTERS];
    name_count map_bank_pointers[NAME_MAP_POINTERS][NAME_BANKS];
""",
}
"""Sections that only a program has whose feature maps are moved, or whose image comes in parts."""


def sections(model: CModel, ddr: Ddr) -> dict[str, Callable[[], str]]:
    """Section name to the function that prints it; the templates name them `/*@name@*/`."""
    printer = _Sections(model, ddr)
    return {
        "banner": printer.banner,
        "sizes": lambda: rename(printer.sizes(), model.name),
        "types": lambda: rename(printer.types(), model.name),
        "tables": printer.tables,
        "neurons": lambda: rename(datapaths_text(model.datapaths), model.name),
        "weights": printer.weights,
        "image_word": lambda: text.image_word(model.tables.levels),
        **{name: partial(printer.streaming, name) for name in STREAMING},
        **{name: partial(printer.moving, name) for name in MOVING},
        **{name: partial(printer.keeping, name) for name in KEEPING},
        **{
            name: lambda both=both: rename(both[model.tables.recurs], model.name)
            for name, both in RECURRING.items()
        },
        **{
            name: lambda text=text: "" if model.tables.windows != 1 else text
            for name, text in TOGETHER.items()
        },
    }


def _int_type(limit: int) -> str:
    """The unsigned type that holds 0..limit."""
    return "uint16_t" if limit < 1 << 16 else "uint32_t"


class _Sections:
    """Prints the sections of one model."""

    def __init__(self, model: CModel, ddr: Ddr):
        self.model, self.program, self.ddr = model, model.tables, ddr

    def banner(self) -> str:
        array = self.program.array
        return (
            f"/* {text.comment(self.program.name)}: a spiking network on an array of "
            f"{array.banks} banks, {array.channels} channels,\n"
            f"   {array.planes} planes. Made by snnir from a pe.program; do not edit. */\n"
        )

    def sizes(self) -> str:
        """Constants of the network and its array."""
        model, program, array = self.model, self.program, self.program.array
        channels, height, width = program.image
        last = model.recorded[-1]
        copies = program.window_stride if program.recurs else program.image_stride
        trains = last.offset + last.dims[0] * last.dims[1] * last.dims[2]
        groups = (
            ("Image: bytes in all, and height, width, channels; bits of a pixel.",
             [("IMAGE", channels * height * width), ("IMAGE_HEIGHT", height),
              ("IMAGE_WIDTH", width), ("IMAGE_CHANNELS", channels),
              ("IMAGE_BITS", program.image_bits)]),
            ("Potentials of an image; rows of the layer table; recorded maps and all their words.",
             [("OUTPUTS", model.outputs), ("LAYERS", len(program.layers)),
              ("MAPS", len(model.recorded)), ("TRAINS", trains)]),
            ("Images that are computed together; addresses between the copies of a map.",
             [("BATCH", program.batch), ("EVENT_STRIDE", copies[0] * array.banks),
              ("POINTER_STRIDE", copies[1])]),
            ("The array.",
             [("BANKS", array.banks), ("CHANNELS", array.channels), ("PLANES", array.planes),
              ("FIFO", array.fifo), ("DRAIN", array.drain)]),
            ("Channels that are computed at once, and of a padded row of weights.",
             [("LANES", LANES), ("ROW", model.row)]),
            ("Memories: events in all banks, pointer entries.",
             [("EVENTS", program.event_depth * array.banks), ("POINTERS", program.pointer_depth)]),
            ("Constants of the clock counts.",
             [("RESOLVE", model.timing.resolve), ("FLUSH", model.timing.flush),
              ("RECEIVE", model.timing.receive)]),
        )  # fmt: skip
        if program.ring:
            beats = row_layout(array).beats
            groups += (
                ("Weights from DDR: rows of the ring, beats of a row; tiles.",
                 [("RING", program.ring), ("ROW_BEATS", beats), ("TILES", len(program.tiles))]),
            )  # fmt: skip
        if program.moves:
            model.maps_rows  # noqa: B018
            groups += (
                ("Maps in DDR: their events and pointer entries, and moves.",
                 [("MAP_EVENTS", model.maps_size[0]), ("MAP_POINTERS", model.maps_size[1]),
                  ("MOVES", len(program.moved))]),
            )  # fmt: skip
        if program.windows != 1:
            model.kept_at  # noqa: B018
            groups += (
                ("Windows of a sample, 0 for any number; states that are kept between them.",
                 [("WINDOWS", program.windows), ("KEPT", max(1, model.kept_size))]),
            )  # fmt: skip
        lines = []
        for title, constants in groups:
            lines.append(f"/* {title} */")
            lines += [f"#define NAME_{name} {value}" for name, value in constants]
        return "\n".join(lines) + "\n\n"

    def types(self) -> str:
        """The widths that the network needs."""
        array = self.program.array
        position = (self.program.position_max + 1) * array.banks
        acc = "int16_t" if array.acc_bits <= 16 else "int32_t"
        is_short = self.model.clock_limit < 1 << 31 and not self.program.ring
        clock = "int32_t" if is_short else "int64_t"
        # A sum over all planes may be as large as the difference of two membrane potentials.
        neuron = "int32_t" if array.membrane_bits <= 31 else "int64_t"
        return (
            f"typedef {_int_type(position)} name_position; /* of a neuron in its row of a map */\n"
            f"typedef {_int_type(self.program.position_max + 1)} name_count; "
            f"/* of a row's events in one bank */\n"
            f"typedef {acc} name_acc; /* an accumulator of {array.acc_bits} bits */\n"
            f"typedef {neuron} name_int; /* a membrane of {array.membrane_bits} bits */\n"
            f"typedef {clock} name_clock; /* clocks of one layer */\n\n"
        )

    def tables(self) -> str:
        """The program: runs, streams, tiles, layers, parameters, labels."""
        model, program = self.model, self.program
        upper = model.name.upper()
        stream_notes, tile_notes = self.notes()
        parts = [
            "/* Program */\n",
            text.table("static const struct run runs[]", model.runs.tolist()),
            text.table(
                "static const struct stream streams[]", model.streams.tolist(), stream_notes
            ),
            text.table("static const struct tile tiles[]", model.tiles.tolist(), tile_notes),
            text.table(
                f"static const struct layer layers[{upper}_LAYERS]",
                model.layer_rows(),
                [layer.label for layer in program.layers],
            ),
            text.strings(
                f"const char *const {model.name}_layer_labels[{upper}_LAYERS]",
                [layer.label for layer in program.layers],
            ),
        ]
        maps = [
            f"    {{{text.string(m.label)}, {m.offset}, {m.dims[0]}, {m.dims[1]}, {m.dims[2]}}},"
            for m in model.recorded
        ]
        kind = f"const {model.name}_map {model.name}_maps[{upper}_MAPS]"
        parts.append("\n".join([f"{kind} = {{", *maps, "};\n"]))
        parts += [self.parameter(name, values) for name, values in model.params.items()]
        if program.ring:
            rows = np.cumsum([tile.rows for tile in program.tiles])
            behind = ", ".join(map(str, rows.tolist()))
            lines = textwrap.wrap(behind, 96, initial_indent="    ", subsequent_indent="    ")
            parts += [
                "/* The first row of the stream of weights behind each tile. */\n"
                f"static const int32_t tile_behind[{upper}_TILES] = {{\n"
                + "\n".join(lines)
                + "};\n"
            ]
        return "\n".join(parts) + "\n"

    def parameter(self, name: str, values: np.ndarray) -> str:
        kind = "int32_t" if np.all(np.abs(values) < 1 << 31) else "int64_t"
        declaration = (
            f"/* Parameter {name} of each tile's channels. */\n"
            f"static const {kind} param_{name}[{len(values)}][{values.shape[1]}]"
        )
        return text.table(declaration, values.tolist())

    def streaming(self, name: str) -> str:
        """One of the sections `STREAMING`."""
        if not self.program.ring and not (self.program.moves and name in OF_DDR):
            return ""
        template = STREAMING[name]
        if name == "loader":
            folder = resources.files(__package__)
            template = folder.joinpath("template/loader.c").read_text()
        elif name in OF_DDR:
            template = template.replace("DDR_LATENCY", str(self.ddr.latency))
            template = template.replace("DDR_RATE", str(self.ddr.rate))
        return rename(template, self.model.name)

    def moving(self, name: str) -> str:
        """One of the sections `MOVING`."""
        needed = self.program.parts if name in ("layer_parts", "image_row") else self.program.moves
        if not needed:
            return ""
        template = MOVING[name]
        if name == "moves":
            folder = resources.files(__package__)
            template = folder.joinpath("template/maps.c").read_text()
            rows = text.table(
                f"static const struct move moves[{self.model.name.upper()}_MOVES]",
                self.model.move_rows(),
                [move.label for move in self.program.moved],
            )
            template = template.replace("/*@table@*/", rows)
        return rename(template, self.model.name)

    def keeping(self, name: str) -> str:
        """One of the sections `KEEPING`."""
        if self.program.windows == 1:
            return ""
        template = KEEPING[name]
        if name == "samples":
            folder = resources.files(__package__)
            template = folder.joinpath("template/windows.c").read_text()
        return rename(template, self.model.name)

    def notes(self) -> tuple[list[str], list[str]]:
        """Whose stream and whose tile each row is."""
        network = self.model.network
        streams, tiles = [], []
        ops = iter(self.model.program.layers)
        for layer in network.layers:
            if layer.kind == RECEIVE:
                tiles.append(layer.label)
            for index, tile in enumerate(next(ops).tiles if layer.kind in COMPUTES else ()):
                tiles.append(f"{layer.label} tile {index}")
                streams += [f"{layer.label} tile {index}"] * len(tile.streams)
        tiles = [tiles[tile.number] for tile in self.program.tiles]
        return streams, tiles

    def weights(self) -> str:
        rows = text.weight_rows(self.model.weights)
        count = -(-self.model.weights.size // text.WEIGHT_ROW)
        kind = f"static const signed char weight_rows[{count}][{text.WEIGHT_ROW}]"
        return f"{kind} = {{\n{rows}\n}};\n\n"
