/* Weights from DDR ------------------------------------------------------------------------------ */

enum { RING = NAME_RING, ROW_BEATS = NAME_ROW_BEATS, FULL_RATE = 256 };
enum { BURST = 16, OUTSTANDING = 4, REQUEST = 2, FREE = 2, READY = 2, SWITCH = 2 };

static void loader_start(name_loader *d)
{
    d->beat = 0;
    d->last = -1;
    d->credit = FULL_RATE;
    d->request = 1 - REQUEST;
    for (int i = 0; i < OUTSTANDING; ++i)
        d->done[i] = -REQUEST;
    d->oldest = 0;
}

/* The clock of the image from which the ring has room for a row. */
static int64_t loader_space(name_loader *d, int64_t row)
{
    if (row < RING)
        return 0;
    while (tile_behind[d->oldest] <= row - RING)
        ++d->oldest;
    return d->ends[d->oldest] + FREE;
}

/* The next beat arrives, not before `space`. */
static void loader_beat(name_state *s, name_loader *d, int64_t space, int64_t total)
{
    int64_t *const done = d->done + d->beat / BURST % OUTSTANDING;
    if (d->beat % BURST == 0)
        d->request = (d->request > *done ? d->request : *done) + REQUEST;
    const int wait = (FULL_RATE - d->credit + s->ddr_rate - 1) / s->ddr_rate;
    d->last = d->last + wait;
    if (d->last < d->request + s->ddr_latency)
        d->last = d->request + s->ddr_latency;
    if (d->last < space)
        d->last = space;
    d->credit += wait * s->ddr_rate - FULL_RATE;
    ++d->beat;
    if (d->beat % BURST == 0 || d->beat == total)
        *done = d->last;
}

/* A tile begins: its events are emitted when all its rows are there. */
static void tile_begins(name_state *s, int32_t tile)
{
    name_loader *d = &s->loader;
    const int64_t total = (int64_t)tile_behind[NAME_TILES - 1] * ROW_BEATS;
    if (!s->counting)
        return;
    while (d->beat < (int64_t)tile_behind[tile] * ROW_BEATS)
        loader_beat(s, d, loader_space(d, d->beat / ROW_BEATS), total);
    s->clocks.phase = later(s->clocks.phase, d->last + READY - s->cycles);
}

/* Its last phase has ended; the next image of a batch may need its rows again. */
static void tile_ends(name_state *s, int32_t tile)
{
    if (layers[s->layer].keeps)
        return;
    s->loader.ends[tile] = s->cycles + s->clocks.phase - 1;
    s->clocks.phase += SWITCH;
}

