"""The sections of the C templates that only programs of several windows have, or lack."""

from __future__ import annotations

KEEPING = {
    "kept_note": "   What its neurons keep from window to window begins at `kept`.\n",
    "layer_kept": "    int32_t kept;\n",
    "kept": """\
/* What the neurons of a tile's channels at one pixel keep, a state behind the other. */
NAME_INLINE name_int *kept_of(name_state *s, const struct tile *t, int32_t oy, int32_t ox,
                              int states)
{
    const struct layer *l = layers + s->layer;
    const ptrdiff_t tile = t - tiles - l->tile_first;

    return s->kept + l->kept + ((tile * l->height + oy) * l->width + ox) * states * ROW;
}

""",
    "window_begins": """\
    if (state->windows > 0 && state->window >= state->windows)
        state->window = 0;
""",
    "window_ends": "    state->window += state->window < INT32_MAX;\n",
    "window_fields": """\
    /* Windows of a sample: behind so many the next one is the first of another; 0 for any number,
       where only name_begin begins another. NAME_WINDOWS by default. */
    int32_t windows;
    /* Windows of the sample that have been run. */
    int32_t window;
""",
    "window_defaults": "    state->windows = NAME_WINDOWS;\n",
    "kept_state": """\
    /* The states of all neurons behind the last window. */
    name_int kept[NAME_KEPT];
""",
    "windows": """\
/* A sample is several windows, each an image for name_run: neurons begin it with the states that
   they had at the end of the one before. The next one is the first of a sample: */
void name_begin(name_state *state);

/* Whether a sample is decided by what a window said; later ones are not run then. */
typedef int (*name_stop)(void *context, int64_t sample, int32_t window, const int32_t *potentials);

/* Runs the windows number `first`, `first` + 1, ... of a sample, of images and results that count
   from the first sample's, until `windows` of them have been run or `stop`, which may be NULL, says
   so. Returns how many were. */
int32_t name_run_sample(name_state *state, const uint8_t *images, int64_t first, int32_t windows,
                        const name_results *results, name_stop stop, void *context);

/* Runs `samples` of `windows` windows each, one behind the other, on as many threads as there are
   states; `spent`, which may be NULL, gets how many windows of each were run. Results of windows
   that were not run stay what they were. */
void name_run_samples(name_state *states, int threads, const uint8_t *images, int64_t samples,
                      int32_t windows, const name_results *results, int32_t *spent, name_stop stop,
                      void *context);

""",
    "samples": "",
}
"""Sections that only a program has whose neurons keep their states."""

TOGETHER = {
    "threads": """\
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic)
#endif
""",
    "own_state": """\
#ifdef _OPENMP
        state += omp_get_thread_num();
#endif
""",
}
"""Sections of a program whose images have nothing to do with one another: they run in any order."""


RECURRING = {
    "image": ("    const int32_t image = layers[s->layer].image;\n", ""),
    "copy": (
        "        const int32_t copy = image;\n",
        """\
        const int32_t copy = st->by_image == PREVIOUS ? 1 - s->parity : s->parity;
        const int is_silent = st->by_image == PREVIOUS && s->window == 0;
""",
    ),
    "meets": (
        "            if (y >= 0 && y < st->height && low < high) {\n",
        "            if (!is_silent && y >= 0 && y < st->height && low < high) {\n",
    ),
    "row_copy": ("", "            w.event += l->copies * s->parity * NAME_EVENT_STRIDE;\n"),
    "received_row": ("", "        w.event += l->copies * s->parity * NAME_EVENT_STRIDE;\n"),
    "received": (
        "            end_pixel(s, &w, l->pointers + y * width + x);\n",
        """\
            end_pixel(s, &w, l->pointers + l->copies * s->parity * NAME_POINTER_STRIDE +
                                 y * width + x);
""",
    ),
    "written": (
        "    const int32_t pointers = l->pointers;\n",
        "    const int32_t pointers =\n"
        "        l->pointers + l->copies * s->parity * NAME_POINTER_STRIDE;\n",
    ),
    "layer_copies": ("", "    int32_t copies;\n"),
    "copies_note": (
        "",
        "   With `copies` its map is at one of two places in turn: the next window sees it too.\n",
    ),
    "next_parity": ("", "    state->parity = 1 - state->parity;\n"),
    "parity": (
        "",
        "    /* Which of two places maps have that are kept for the next window. */\n"
        "    int32_t parity;\n",
    ),
    "previous": ("", "enum { PREVIOUS = 2 };\n"),
    "later": (
        """\
/* An event's train, so many steps later. */
NAME_INLINE uint32_t late(const name_event *event, int planes, int32_t delay)
{
    (void)planes;
    return (uint32_t)event->train >> delay;
}

""",
        """\
/* An event's train, so many steps later; one of the window before, which is a whole window late,
   perhaps so many steps earlier than that. */
NAME_INLINE uint32_t late(const name_event *event, int planes, int32_t delay)
{
    const uint32_t train = event->train;

    return delay < 0 ? (train << -delay) & ((1u << planes) - 1u) : train >> delay;
}

""",
    ),
}
"""Sections of a program without and with layers that see what was fired in the window before."""
