"""The loops of the fast C over weights, one C function for each kernel, width of tile and sum."""

from __future__ import annotations

from collections.abc import Iterable

from snnir.backends.c.fast.choice import CHAIN, SCALAR, SPLIT
from snnir.backends.c.fast.dense import dot_text, one_to_one_text, product_text
from snnir.backends.c.fast.kernel import Kernel, indent
from snnir.backends.c.fast.plan import Layer, Synapse

SPLIT_CHAIN = 12
"""Halves of a byte reach from -8 to 8, so that 15 of them may be added; in fours, 12."""


def kernel_of(layer: Layer, synapse: Synapse) -> Kernel:
    chain = {CHAIN: synapse.chain, SPLIT: SPLIT_CHAIN}.get(synapse.kernel, 0)
    steps = layer.planes if synapse.kernel.startswith("ONE") else 0
    return Kernel(synapse.kernel, layer.tile, layer.halves, chain, steps, layer.stride)


def vector_types(kernels: Iterable[Kernel]) -> list[str]:
    """Vectors as long as a row of a tile."""
    lines = []
    for tile in sorted({min(k.tile, 64) for k in kernels if k.kind in (CHAIN, SPLIT)}):
        for name, base in (
            ("bytes", "int8_t"), ("halves", "int16_t"), ("bits", "uint16_t"),
        ):  # fmt: skip
            attribute = f"__attribute__((vector_size({tile}), may_alias))"
            lines.append(f"typedef {base} {name}_{tile} {attribute};")
        long = f"__attribute__((vector_size({2 * tile}), may_alias))"
        lines.append(f"typedef int32_t whole_{tile} {long};")
    return lines


def kernel_text(kernel: Kernel) -> str:
    match kernel.kind:
        case "CHAIN" | "SPLIT" | "SCALAR":
            return _events(kernel)
        case "DOT" | "DOT_PLANES":
            return dot_text(kernel)
        case "PRODUCT":
            return product_text(kernel)
    return one_to_one_text(kernel)


_EVENTS = """\
/* {title} */
static void {name}(name_fast_state *s, const struct synapse *y, int32_t group, int32_t weights)
{{
    struct {{
        const uint32_t *start;
        ptrdiff_t row;
    }} span[NAME_FAST_RUNS];
    const int32_t list = y->width + 1;
    const uint32_t *starts = s->starts + y->starts + group * y->height * y->steps * list;
    const struct run *r = runs + y->first_run;
    for (int32_t k = 0; k < y->chunks; ++k) {{
        const int32_t count = chunks[y->first_chunk + k];
        {type} *out = s->currents.{member};
        for (int32_t oy = 0; oy < y->out_height; ++oy)
            for (int32_t ox = 0; ox < y->out_width; ++ox) {{
                int32_t spans = 0;
                for (int32_t i = 0; i < count; ++i) {{
                    const int32_t row = oy * y->stride_y - y->top + r[i].y;
                    const int32_t x = ox * y->stride_x - y->left + r[i].x;
                    int32_t first, end;
                    clip(x, r[i].pixels, y->width, &first, &end);
                    if (row < 0 || row >= y->height || first >= end)
                        continue;
                    span[spans].start = starts + row * y->steps * list + first;
                    span[spans].row = (ptrdiff_t)(r[i].row - x * y->inner) * {row};
                    length[spans++] = end - first;
                }}
                for (int32_t t = 0; t < y->steps; ++t, out += {tile}) {{
{body}
                }}
            }}
        r += count;
    }}
}}
"""


def _events(kernel: Kernel) -> str:
    tile = kernel.tile
    title = {
        CHAIN: f"Rows of {tile} weights are added as bytes, up to {kernel.chain}, then widened.",
        SPLIT: f"Rows of {tile} weights as 16 high + low, each added as in a chain of bytes.",
        SCALAR: f"Rows of {tile} weights that only 32-bit integers hold.",
    }[kernel.kind]
    text = _EVENTS.format(
        title=title,
        name=kernel.name,
        type=kernel.type,
        member=kernel.member,
        tile=tile,
        row=_row_bytes(kernel),
        body="\n".join(indent(_body(kernel), 20)),
    )
    return text.replace(
        "        ptrdiff_t row;\n", "        ptrdiff_t row;\n        int32_t length;\n"
    ).replace("length[spans++] =", "span[spans++].length =")


def _row_bytes(kernel: Kernel) -> int:
    return kernel.tile * (2 if kernel.kind == SPLIT else 1)


def _span_loop(base: str, inner: list[str]) -> list[str]:
    return [
        "for (int32_t i = 0; i < spans; ++i) {",
        "    const uint32_t *e = s->events + y->lists + span[i].start[t * list];",
        "    int32_t n = (int32_t)(span[i].start[t * list + span[i].length] - "
        "span[i].start[t * list]);",
        f"    {base}",
        *indent(inner, 4),
        "}",
    ]


def _body(kernel: Kernel) -> list[str]:
    tile, half = kernel.tile, kernel.tile // 2
    # Rows of the window that lie left of the map are subtracted again: only the sum is an address.
    address = "const uintptr_t w = (uintptr_t)(narrow_weights + weights) + (uintptr_t)span[i].row;"
    if kernel.kind == SCALAR:
        loop = [
            "for (; n > 0; --n, ++e) {",
            f"    const int32_t *row = wide_weights + weights + "
            f"((ptrdiff_t)*e * {tile} + span[i].row);",
            f"    for (int32_t c = 0; c < {tile}; ++c)",
            f"        out[c] = ({kernel.type})(out[c] + row[c]);",
            "}",
        ]
        lines = _span_loop("", loop)
        return [line for line in lines if line.strip()]
    size, row_bytes = min(tile, 64), _row_bytes(kernel)
    registers = range(row_bytes // size)
    vector = [
        "while (n > 0) {",
        f"    int32_t m = least(n, {kernel.chain});",
        *(f"    bytes_{size} sum{v} = {{0}};" for v in registers),
        "    n -= m;",
        *_chain_adds(row_bytes, size, kernel.chain),
    ]
    for v in registers:
        vector += [
            f"    even{v} += (halves_{size})((bits_{size})sum{v} << 8) >> 8;",
            f"    odd{v} += (halves_{size})sum{v} >> 8;",
        ]
    vector.append("}")
    join, names = [], [(f"even{v}", f"odd{v}") for v in registers]
    at, weight = f"c / {size // 2} * {size} + 2 * (c % {size // 2})", "row[at{}]"
    if kernel.kind == SPLIT:
        names = names[1::2]
        for v in registers[::2]:
            for name in ("even", "odd"):
                join.append(f"{name}{v + 1} += (halves_{size})((bits_{size}){name}{v} << 4);")
        at = f"c / {size // 2} * {2 * size} + 2 * (c % {size // 2})"
        weight = f"16 * row[at{{}}] + row[at + {size}{{}}]"
    plain = [
        "for (; n > 0; --n, ++e) {",
        f"    const int8_t *row = (const int8_t *)(w + (uintptr_t)e[0] * {row_bytes});",
        f"    for (int32_t c = 0; c < {half}; ++c) {{",
        f"        const int32_t at = {at};",
        f"        even[c] = (int16_t)(even[c] + {weight.format('', '')});",
        f"        odd[c] = (int16_t)(odd[c] + {weight.format(' + 1', ' + 1')});",
        "    }",
        "}",
    ]
    kind = f"halves_{size}" if kernel.halves else f"whole_{size}"
    store = [f"{kind} *sums = ({kind} *)out;"]
    for index, name in enumerate(name for pair in names for name in pair):
        value = name if kernel.halves else f"__builtin_convertvector({name}, {kind})"
        store.append(f"sums[{index}] += {value};")
    place = f"c / {size // 2} * {size} + c % {size // 2}"
    plain_store = [
        f"for (int32_t c = 0; c < {half}; ++c) {{",
        f"    const int32_t to = {place};",
        f"    out[to] = ({kernel.type})(out[to] + even[c]);",
        f"    out[to + {size // 2}] = ({kernel.type})(out[to + {size // 2}] + odd[c]);",
        "}",
    ]
    return [
        "#if defined(NAME_VECTORS)",
        *(f"halves_{size} even{v} = {{0}}, odd{v} = {{0}};" for v in registers),
        *_span_loop(address, vector),
        *join,
        *store,
        "#else",
        f"int16_t even[{half}] = {{0}}, odd[{half}] = {{0}};",
        *_span_loop(address, plain),
        *plain_store,
        "#endif",
    ]


def _chain_adds(row: int, size: int, chain: int) -> list[str]:
    def adds(event: int) -> list[str]:
        base = f"w + (uintptr_t)e[{event}] * {row}"
        return [
            f"sum{v} += *(const bytes_{size} *)({base} + {size * v});" for v in range(row // size)
        ]

    lines = []
    if chain >= 4:
        four = [line for event in range(4) for line in adds(event)]
        lines = ["    for (; m >= 4; m -= 4, e += 4) {", *indent(four, 8), "    }"]
    return [*lines, "    for (; m > 0; --m, ++e) {", *indent(adds(0), 8), "    }"]
