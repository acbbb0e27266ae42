"""Kernels of the fast C that take all inputs, spiking or not: products and one-to-one synapses."""

from __future__ import annotations

from snnir.backends.c.fast.kernel import Kernel, indent

PIXELS = {16: 8, 32: 10, 64: 6}
"""Output pixels that DOT computes together, so that their sums just fit 32 registers."""


def dot_text(kernel: Kernel) -> str:
    tile, pixels = kernel.tile, PIXELS[kernel.tile]
    parts = range(tile // 16)
    sums = [[f"a{p}_{v}" for v in parts] for p in range(pixels)]
    vector = ["const int8_t *w = narrow_weights + weights;"]
    vector += [f"const uint8_t *const from{p} = from[{p}];" for p in range(pixels)]
    vector += [f"quads {', '.join(f'{a} = {{0}}' for a in row)};" for row in sums]
    inner = [f"const quads w{v} = *(const quads *)(w + {64 * v});" for v in parts]
    for p in range(pixels):
        inner.append(f"x = four(from{p} + at);")
        inner += [f"{sums[p][v]} = DOT4({sums[p][v]}, x, w{v});" for v in parts]
    vector += [
        f"for (int32_t i = 0; i < quads_of_window; ++i, w += {4 * tile}) {{",
        "    const ptrdiff_t at = s->quads[i];",
        "    uint32_t x;",
        *indent(inner, 4),
        "}",
    ]
    for p in range(pixels):
        store = [
            f"((loose_quads *)(out + {p * kernel.stride}))[{v}] += {sums[p][v]};" for v in parts
        ]
        vector += store if p == 0 else [f"if (pixel + {p} < pixels) {{", *indent(store, 4), "}"]
    plain = [
        f"for (int32_t p = 0; p < least({pixels}, pixels - pixel); ++p) {{",
        "    const int8_t *w = narrow_weights + weights;",
        f"    for (int32_t i = 0; i < quads_of_window; ++i, w += {4 * tile})",
        f"        for (int32_t c = 0; c < {tile}; ++c)",
        "            for (int32_t k = 0; k < 4; ++k)",
        f"                out[p * {kernel.stride} + c] += from[p][s->quads[i] + k] * w[4 * c + k];",
        "}",
    ]
    planes = kernel.kind == "DOT_PLANES"
    plane = " + t * plane" if planes else ""
    advance = "if (++ox == y->out_width) {"
    if planes:
        advance = (
            "if (++t < y->steps)\n                continue;\n            t = 0;\n            "
            + advance
        )
    total = "y->out_height * y->out_width" + (" * y->steps" if planes else "")
    lines = [
        f"/* Values of bytes times weights of bytes, four at a time, {pixels} pixels together. */",
        f"static void {kernel.name}(name_fast_state *s, const struct synapse *y, int32_t group, "
        "int32_t weights)",
        "{",
        "    const ptrdiff_t pitch = y->padded_width * y->inner;",
        "    const uint8_t *values = s->values + y->lists + group * y->padded_height * pitch;",
        "    const int32_t quads_of_window = list_quads(s, y);",
        f"    const int32_t pixels = {total};",
        f"    const uint8_t *from[{pixels}];",
        "    int32_t *out = s->currents.whole;",
        "    int32_t oy = 0, ox = 0;",
        *(
            [
                "    int32_t t = 0;",
                "    const ptrdiff_t plane = y->groups * y->padded_height * pitch;",
            ]
            if planes
            else []
        ),
        f"    for (int32_t pixel = 0; pixel < pixels; pixel += {pixels}, "
        f"out += {pixels * kernel.stride}) {{",
        f"        for (int32_t p = 0; p < {pixels}; ++p) {{",
        "            from[p] = values + oy * y->stride_y * pitch + "
        f"ox * y->stride_x * y->inner{plane};",
        "            /* What is behind the last pixel is computed as that is, and not kept. */",
        "            if (pixel + p + 1 >= pixels)",
        "                continue;",
        *f"            {advance}".split("\n"),
        "                ox = 0;",
        "                ++oy;",
        "            }",
        "        }",
        "#if defined(NAME_VECTORS)",
        *indent(vector, 8),
        "#else",
        *indent(plain, 8),
        "#endif",
        "    }",
        "}\n",
    ]
    return "\n".join(lines)


def product_text(kernel: Kernel) -> str:
    tile = kernel.tile
    return f"""\
/* Values of any size times weights of any size. */
static void {kernel.name}(name_fast_state *s, const struct synapse *y, int32_t group,
            {" " * len(kernel.name)} int32_t weights)
{{
    const ptrdiff_t pitch = y->padded_width * y->inner;
    const int32_t *values = s->integers + y->lists + group * y->padded_height * pitch;
    const struct run *r = runs + y->first_run;
    int32_t *out = s->currents.whole;
    for (int32_t oy = 0; oy < y->out_height; ++oy)
        for (int32_t ox = 0; ox < y->out_width; ++ox, out += {kernel.stride})
            for (int32_t i = 0; i < y->runs; ++i) {{
                const int32_t *x = values + (oy * y->stride_y + r[i].y) * pitch +
                                   (ox * y->stride_x + r[i].x) * y->inner;
                const int32_t *w = wide_weights + weights + r[i].row * {tile};
                for (int32_t at = 0; at < r[i].pixels * y->inner; ++at, w += {tile})
                    for (int32_t c = 0; c < {tile}; ++c)
                        out[c] += x[at] * w[c];
            }}
}}
"""


def one_to_one_text(kernel: Kernel) -> str:
    tile, steps = kernel.tile, kernel.steps
    if kernel.kind == "ONE_VALUE":
        term = [
            "out[c] += w[c] * (y->counts ? ones((name_word)(words[c] >> y->delay)) : words[c]);"
        ]
    else:
        term = [
            f"for (int32_t t = 0; t < {steps}; ++t) {{",
            f"    {kernel.type} *sum = out + t * {tile};",
            "    for (int32_t c = 0; c < lanes; ++c)",
            f"        sum[c] = ({kernel.type})(sum[c] + "
            f"w[c] * (words[c] >> ({steps - 1} - t + y->delay) & 1));",
            "}",
        ]
    if kernel.kind == "ONE_VALUE":
        term = ["for (int32_t c = 0; c < lanes; ++c)", *indent(term, 4)]
    body = "\n".join(indent(term, 20))
    return f"""\
/* One-to-one: each channel's own train times its weight. */
static void {kernel.name}(name_fast_state *s, const struct synapse *y, int32_t channel,
            {" " * len(kernel.name)} int32_t weights)
{{
    const int32_t *w = wide_weights + weights;
    const int32_t lanes = least({tile}, y->channels - channel);
    {kernel.type} *out = s->currents.{kernel.member};
    for (int32_t row = 0; row < y->height; ++row)
        for (int32_t x = 0; x < y->width; ++x, out += {steps * kernel.stride}) {{
            int32_t y0, y1, x0, x1;
            clip(row * y->pool_stride_y - y->pool_top, y->pool_y, y->map_height, &y0, &y1);
            clip(x * y->pool_stride_x - y->pool_left, y->pool_x, y->map_width, &x0, &x1);
            for (int32_t py = y0; py < y1; ++py)
                for (int32_t px = x0; px < x1; ++px) {{
                    const name_word *words = s->words + y->words + channel +
                                             (py * y->map_width + px) * y->channels;
{body}
                }}
        }}
}}
"""
