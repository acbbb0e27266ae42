/* The machine: walks the program's tables as docs/machine.md of snnir states, event by event. */
#include "model.h"

#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
/* Define NAME_PORTABLE to leave out what is written for one processor; the results are the same. */
#if defined(__AVX2__) && !defined(NAME_PORTABLE)
#include <immintrin.h>
#define NAME_AVX2 1
#else
#define NAME_AVX2 0
#endif
#ifdef __GNUC__
#define NAME_INLINE static inline __attribute__((always_inline))
#else
#define NAME_INLINE static inline
#endif

enum { BANKS = NAME_BANKS, CHANNELS = NAME_CHANNELS, PLANES = NAME_PLANES, FIFO = NAME_FIFO,
       DRAIN = NAME_DRAIN, BATCH = NAME_BATCH };
/* Channels are computed in groups of LANES; a row of weights is padded to whole groups. */
enum { LANES = NAME_LANES, ROW = NAME_ROW };
enum { RECEIVE_LAYER, FIRE_LAYER, READOUT_LAYER };
/*@previous@*/
/* What is summed: a current for each plane, or one for all planes, weighted by the train's value
   or by its number of spikes where integration is linear and the sum is all that matters. */
enum { BY_PLANE, BY_VALUE, BY_COUNT };

/* A run: `length` neighbouring pixels of one row of one block of a map. `pointer` and `event` are
   the row's places for output row 0, `row` the weight row of position 0 at output column 0. */
struct run {
    int32_t dy, dx, length, pointer, event, row;
};

/* A stream: one map through one set of weights. `shift` is applied to the accumulators before it;
   `phase_end` says that its last run ends a phase; `by_image` that each image has its own map;
   `delay` how many steps later trains are taken. */
struct stream {
    int32_t run_first, run_count, shift, phase_end, height, width, stride_y, stride_x;
    int32_t pointer_stride, event_stride, weights, weight_stride, by_image, delay;
};

struct tile {
    int32_t stream_first, stream_count, channels;
};

/* A layer. Sizes are [pixels] before and behind pooling; `events`, `event_row`, `pointers` and
   `pitch` say where its map is kept; `record` and `record_pool` where it is recorded, or -1;
   `first` is its first channel. In a batch it is for one `image`, and with `keeps` the weights of
   its tile stay for the next one.
/*@layer_note@*/
/*@kept_note@*/
/*@copies_note@*/
*/
struct layer {
    int32_t kind, mode, is_rate, tile_first, tile_count, channels, height, width;
    int32_t pool_height, pool_width, kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x;
    int32_t pitch, events, event_row, pointers, word_shift, word_bits;
/*@layer_parts@*/
/*@layer_kept@*/
/*@layer_copies@*/
    int32_t record, record_pool, image, first, keeps;
/*@layer_moves@*/
};

/* Accumulators of one pixel. */
struct sums {
    name_acc plane[PLANES][ROW];
    int32_t total[ROW];
};

/*@tables@*/
/* Events ---------------------------------------------------------------------------------------- */

/* The number of spikes in a train. */
NAME_INLINE int32_t ones(uint32_t train)
{
    train -= (train >> 1) & 0x5555u;
    train = (train & 0x3333u) + ((train >> 2) & 0x3333u);
    train = (train + (train >> 4)) & 0x0f0fu;
    return (int32_t)((train + (train >> 8)) & 31u);
}

/*@later@*/
NAME_INLINE int32_t factor(const name_event *event, int by, int planes, int32_t delay)
{
    return by == BY_COUNT ? ones(late(event, planes, delay)) : (int32_t)event->train;
}

/* Adds the weight rows of `count` events to each plane in which the event's train spikes. */
NAME_INLINE void add_planes(name_acc (*restrict sum)[ROW], int planes, int32_t delay,
                            const name_event *event, int32_t count, int32_t row)
{
    for (const name_event *const end = event + count; event < end; ++event) {
        const int8_t *w = name_weights + (ptrdiff_t)(row + event->position) * ROW;
        const uint32_t train = late(event, planes, delay);
        for (int p = 0; p < planes; ++p) {
            const name_acc gate = (name_acc) - (int)((train >> (planes - 1 - p)) & 1);
            for (int c = 0; c < ROW; ++c)
                sum[p][c] = (name_acc)(sum[p][c] + (w[c] & gate));
        }
    }
}

/* Adds the weight rows of `count` events, each times what its train is worth. */
NAME_INLINE void add_values(int32_t *restrict sum, int by, int planes, int32_t delay,
                            const name_event *event, int32_t count, int32_t row)
{
#if NAME_AVX2
    /* Compilers find this by themselves only in part. */
    __m256i total[ROW / LANES];
    memcpy(total, sum, sizeof total);
    for (const name_event *const end = event + count; event < end; ++event) {
        const int8_t *w = name_weights + (ptrdiff_t)(row + event->position) * ROW;
        const __m256i f = _mm256_set1_epi32(factor(event, by, planes, delay));
        for (int g = 0; g < ROW / LANES; ++g) {
            const __m128i narrow = _mm_loadl_epi64((const __m128i *)(const void *)(w + g * LANES));
            const __m256i product = _mm256_mullo_epi32(_mm256_cvtepi8_epi32(narrow), f);
            total[g] = _mm256_add_epi32(total[g], product);
        }
    }
    memcpy(sum, total, sizeof total);
#else
    for (const name_event *const end = event + count; event < end; ++event) {
        const int8_t *w = name_weights + (ptrdiff_t)(row + event->position) * ROW;
        const int32_t f = factor(event, by, planes, delay);
        for (int c = 0; c < ROW; ++c)
            sum[c] += w[c] * f;
    }
#endif
}

/* Appends a train to the row that is being written; a silent one is written over by the next. */
NAME_INLINE void append(name_state *s, name_writer *w, int32_t position, uint32_t train)
{
    name_event *event = s->events + w->event + w->count;
    event->position = (name_position)position;
    event->train = (uint16_t)train;
    w->count += train != 0;
    name_count *bank = &w->banks[(uint32_t)position % BANKS];
    *bank = (name_count)(*bank + (train != 0));
}

NAME_INLINE void begin_row(name_writer *w, const struct layer *l, int32_t row)
{
    memset(w, 0, sizeof *w);
    w->event = l->events + row * l->event_row;
}

/* Writes the pointer entry of a pixel: the events of its row so far, in all and by bank. */
NAME_INLINE void end_pixel(name_state *s, const name_writer *w, int32_t entry)
{
    s->pointers[entry] = (name_position)w->count;
    if (s->counting)
        memcpy(s->bank_pointers[entry], w->banks, sizeof w->banks);
}

/* Clocks ---------------------------------------------------------------------------------------- */

static void clock_start(name_clocks *k)
{
    memset(k, 0, sizeof *k);
    k->resolved = NAME_RESOLVE - 1;
}

NAME_INLINE name_clock later(name_clock a, name_clock b)
{
    return a > b ? a : b;
}

/* One run: it leaves the resolver when all queues have room, and is emitted bank by bank. Clocks
   of a bank only grow, so that maxima over banks and over time are the same: `full` is when the
   last queue that was full had room again, `busy` when the last event was emitted. */
static void clock_run(name_clocks *k, const name_count *low, const name_count *high, int32_t count,
                      int is_last)
{
    name_clock ready, full = k->full, busy = k->busy;
    name_clock slot[BANKS];
    int32_t pushed[BANKS];

    k->resolved = later(k->resolved, full) + 1;
    if (count == 0 && !is_last)
        return;
    ready = later(k->resolved + 1, k->phase);
    for (int b = 0; b < BANKS; ++b) {
        const int32_t events = (int32_t)high[b] - (int32_t)low[b];
        const name_clock end = later(k->last[b] + 1, ready) + (events > 1 ? events - 1 : 0);
        pushed[b] = (events > 0) | is_last;
        slot[b] = pushed[b] ? end : k->oldest[b];
        k->last[b] = pushed[b] ? end : k->last[b];
        busy = later(busy, k->last[b]);
    }
    for (int b = 0; b < BANKS; ++b) {
        k->queue[b][k->next[b]] = slot[b];
        k->next[b] = (k->next[b] + pushed[b]) & (FIFO - 1);
        k->oldest[b] = k->queue[b][k->next[b]];
        full = later(full, k->oldest[b]);
    }
    k->full = full;
    k->busy = busy;
}

/* The end of a phase; that of a pixel's last phase waits until the shadow is free. */
NAME_INLINE void clock_phase(name_clocks *k, int is_pixel_end, int32_t channels)
{
    name_clock end = k->busy;
    if (is_pixel_end) {
        end = later(end, k->shadow_free);
        k->shadow_free = end + (channels + DRAIN - 1) / DRAIN;
    }
    k->phase = end + 1;
}

/*@loader@*/
/* Pixels ---------------------------------------------------------------------------------------- */

/* Adds up the currents of a tile's channels at one output pixel. */
NAME_INLINE void add_currents(name_state *s, const struct tile *t, int32_t oy, int32_t ox, int by,
                              int planes, struct sums *sums)
{
    static const name_count nothing[BANKS];
    const struct stream *st = streams + t->stream_first;
    const struct stream *const end = st + t->stream_count;
/*@image@*/
    int64_t events = 0;

    memset(sums, 0, sizeof *sums);
    for (; st < end; ++st) {
        if (st->shift > 0) {
            for (int c = 0; c < ROW; ++c)
                sums->total[c] *= INT32_C(1) << st->shift;
            for (int p = 0; by == BY_PLANE && p < planes; ++p)
                for (int c = 0; c < ROW; ++c)
                    sums->plane[p][c] = (name_acc)(sums->plane[p][c] * (1 << st->shift));
        }
/*@copy@*/
        const int32_t more_entries = st->by_image ? copy * NAME_POINTER_STRIDE : 0;
        const int32_t more_events = st->by_image ? copy * NAME_EVENT_STRIDE : 0;
        for (int32_t r = 0; r < st->run_count; ++r) {
            const struct run *run = runs + st->run_first + r;
            const int32_t y = oy * st->stride_y + run->dy, x = ox * st->stride_x + run->dx;
            const int32_t low = x > 0 ? x : 0;
            const int32_t high = x + run->length < st->width ? x + run->length : st->width;
            const name_count *bank_low = nothing, *bank_high = nothing;
            int32_t count = 0;
/*@meets@*/
                const int32_t entry =
                    run->pointer + oy * st->pointer_stride + more_entries;
                const int32_t before = low > 0 ? (int32_t)s->pointers[entry + low - 1] : 0;
                count = (int32_t)s->pointers[entry + high - 1] - before;
                if (count > 0) {
                    const name_event *event =
                        s->events + run->event + oy * st->event_stride + more_events + before;
                    const int32_t row = st->weights + run->row - ox * st->weight_stride;
                    if (by == BY_PLANE)
                        add_planes(sums->plane, planes, st->delay, event, count, row);
                    else
                        add_values(sums->total, by, planes, st->delay, event, count, row);
                    events += count;
                }
                if (s->counting && count > 0) {
                    bank_low = low > 0 ? s->bank_pointers[entry + low - 1] : nothing;
                    bank_high = s->bank_pointers[entry + high - 1];
                }
            }
            if (s->counting)
                clock_run(&s->clocks, bank_low, bank_high, count,
                          st->phase_end && r + 1 == st->run_count);
        }
        if (s->counting && st->phase_end)
            clock_phase(&s->clocks, st + 1 == end, t->channels);
    }
    s->layer_events[s->layer] += events;
}

/*@kept@*/
/*@neurons@*/
/* Layers ---------------------------------------------------------------------------------------- */

/* Where the trains of a layer's image are recorded. */
NAME_INLINE uint16_t *trains_of(const name_state *s, const struct layer *l)
{
    return s->trains + (ptrdiff_t)l->image * NAME_TRAINS;
}

/*@image_word@*/
/* The image comes in: one map of events for this word of its bits. */
static void receive(name_state *s, const struct layer *l, const uint8_t *image)
{
    const int32_t channels = l->channels, width = l->width, height = l->height;
    const uint32_t mask = (1u << l->word_bits) - 1u;
    const int shift = l->word_shift;
    name_writer w;

    for (int32_t i = 0; s->trains != NULL && l->record >= 0 && i < NAME_IMAGE; ++i)
        trains_of(s, l)[l->record + i % channels * (NAME_IMAGE / channels) + i / channels] =
            (uint16_t)image_word(image[i]);
/*@image_row@*/
    for (int32_t y = 0; y < height; ++y) {
        const uint8_t *pixel = image + y * width * channels;
        begin_row(&w, l, y);
/*@received_row@*/
        for (int32_t x = 0; x < width; ++x) {
            for (int32_t c = 0; c < channels; ++c)
                append(s, &w, x * l->pitch + c, (image_word(*pixel++) >> shift) & mask);
/*@received@*/
        }
    }

    s->layer_cycles[s->layer] = (int64_t)channels * height * width + NAME_RECEIVE;
}

/* The pooled trains of one pixel of a tile of a layer that fires. */
static void pool(name_state *s, const struct layer *l, int32_t tile, int32_t y, int32_t x,
                 int32_t *best)
{
    const struct tile *t = tiles + tile;
    const int32_t first = l->first + (tile - l->tile_first) * tiles[l->tile_first].channels;
    int32_t word[ROW];
    int32_t worth[ROW];

    for (int c = 0; c < ROW; ++c)
        worth[c] = -1;
    for (int32_t wy = 0; wy < l->kernel_y; ++wy) {
        const int32_t oy = y * l->stride_y - l->pad_y + wy;
        if (oy < 0 || oy >= l->height)
            continue;
        for (int32_t wx = 0; wx < l->kernel_x; ++wx) {
            const int32_t ox = x * l->stride_x - l->pad_x + wx;
            if (ox < 0 || ox >= l->width)
                continue;
            activate(s, l->mode, t, oy, ox, word);
            for (int32_t c = 0; c < t->channels; ++c) {
                const int32_t value = l->is_rate ? ones((uint32_t)word[c]) : word[c];
                if (value > worth[c]) {
                    worth[c] = value;
                    best[c] = word[c];
                }
                if (s->trains != NULL)
                    trains_of(s, l)[l->record + ((first + c) * l->height + oy) * l->width + ox] =
                        (uint16_t)word[c];
            }
        }
    }
}

static void fire_layer(name_state *s, const struct layer *l)
{
    const int32_t block = tiles[l->tile_first].channels;
    int32_t word[ROW] = {0};
/*@written@*/
    name_writer w;

    for (int32_t i = 0; i < l->tile_count; ++i) {
        const struct tile *t = tiles + l->tile_first + i;
/*@tile_begins@*/
        for (int32_t y = 0; y < l->pool_height; ++y) {
            const int32_t row = i * l->pool_height + y;
            begin_row(&w, l, row);
/*@row_copy@*/
            for (int32_t x = 0; x < l->pool_width; ++x) {
                pool(s, l, l->tile_first + i, y, x, word);
                for (int32_t c = 0; c < t->channels; ++c) {
                    append(s, &w, x * l->pitch + c, (uint32_t)word[c]);
                    if (s->trains != NULL && l->record_pool >= 0)
                        trains_of(s, l)[l->record_pool
                                        + ((l->first + i * block + c) * l->pool_height + y)
                                              * l->pool_width
                                        + x] = (uint16_t)word[c];
                }
                end_pixel(s, &w, pointers + row * l->pool_width + x);
            }
        }
/*@tile_ends@*/
    }
}

static void readout_layer(name_state *s, const struct layer *l, int32_t *potentials)
{
    const int32_t block = tiles[l->tile_first].channels;
    int32_t value[ROW];

    for (int32_t i = 0; i < l->tile_count; ++i) {
        const struct tile *t = tiles + l->tile_first + i;
/*@tile_begins@*/
        for (int32_t y = 0; y < l->height; ++y)
            for (int32_t x = 0; x < l->width; ++x) {
                activate(s, l->mode, t, y, x, value);
                for (int32_t c = 0; c < t->channels; ++c)
                    potentials[((l->first + i * block + c) * l->height + y) * l->width + x] =
                        value[c];
            }
/*@tile_ends@*/
    }
}

/*@moves@*/
/* Entry points ---------------------------------------------------------------------------------- */

size_t name_state_size(void)
{
    return sizeof(name_state);
}

void name_init(name_state *state)
{
    memset(state, 0, sizeof *state);
    state->counting = 1;
/*@ddr_defaults@*/
/*@window_defaults@*/
}

void name_run(name_state *state, const uint8_t *image, int32_t *potentials)
{
    state->cycles = 0;
/*@window_begins@*/
/*@next_parity@*/
/*@loader_start@*/
/*@mover_start@*/
    for (int i = 0; i < NAME_LAYERS; ++i) {
        const struct layer *l = layers + i;
        state->layer = i;
        state->layer_events[i] = 0;
        state->layer_cycles[i] = 0;
/*@moves_begin@*/
        clock_start(&state->clocks);
        if (l->kind == RECEIVE_LAYER)
            receive(state, l, image + (ptrdiff_t)l->image * NAME_IMAGE);
        else if (l->kind == FIRE_LAYER)
            fire_layer(state, l);
        else
            readout_layer(state, l, potentials + (ptrdiff_t)l->image * NAME_OUTPUTS);
        /* `shadow_free` is the end of the last pixel plus the clocks of its drain. */
        if ((l->kind == FIRE_LAYER || l->kind == READOUT_LAYER) && state->counting)
            state->layer_cycles[i] = (int64_t)state->clocks.shadow_free + NAME_FLUSH;
        if (!state->counting)
            state->layer_cycles[i] = 0;
        state->cycles += state->layer_cycles[i];
/*@moved@*/
    }
/*@window_ends@*/
}

/* Clocks and events of what a state ran last, as results number `i`. */
static void keep_counts(const name_state *state, const name_results *results, int64_t i)
{
    if (results->cycles)
        results->cycles[i] = state->cycles;
    if (results->layer_cycles)
        memcpy(results->layer_cycles + i * NAME_LAYERS, state->layer_cycles,
               sizeof state->layer_cycles);
    if (results->layer_events)
        memcpy(results->layer_events + i * NAME_LAYERS, state->layer_events,
               sizeof state->layer_events);
}

void name_run_batch(name_state *states, int threads, const uint8_t *images, int64_t count,
                    const name_results *results)
{
/*@threads@*/
    for (int64_t i = 0; i < count; ++i) {
        name_state *state = states;
/*@own_state@*/
        state->trains = results->trains ? results->trains + i * BATCH * NAME_TRAINS : NULL;
        name_run(state, images + i * BATCH * NAME_IMAGE,
                 results->potentials + i * BATCH * NAME_OUTPUTS);
        keep_counts(state, results, i);
    }
    (void)threads;
}

/*@samples@*/
