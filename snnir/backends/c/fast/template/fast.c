/*@banner@*/
#include "fast.h"

#include <string.h>
#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/* Vectors of a compiler that has them; everything is also written as loops (NAME_PLAIN). */
#if defined(__GNUC__) && defined(__BYTE_ORDER__) && !defined(NAME_PLAIN)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NAME_VECTORS 1
#endif
#endif

#if defined(__GNUC__) && !defined(__clang__)
#define NAME_ROLLED _Pragma("GCC unroll 1")
#else
#define NAME_ROLLED
#endif

/* A window row whose pixels are neighbours in memory, and the first weight row of these. */
struct run {
    int32_t y, x, pixels, row;
};

/* Which groups of input channels reach into a tile, and where its weights are. */
struct tile {
    int32_t first_group, groups, weights;
};

struct synapse {
    int kernel;
    /* The source's map: its words, and the window of an average pool on it. */
    int32_t words, map_height, map_width, pool_y, pool_x, pool_stride_y, pool_stride_x, pool_top,
        pool_left;
    /* What the synapse sees of it: maps of `inner` channels for each group. */
    int32_t height, width, channels, groups, inner, steps, counts;
    /* The windows of its output pixels. */
    int32_t out_height, out_width, stride_y, stride_x, top, left, padded_height, padded_width;
    int32_t first_run, runs, first_chunk, chunks;
    int32_t lists, starts, first_tile, size;
    /* Steps by which trains are taken later. */
    int32_t delay;
};

struct layer {
    int path;
    int32_t channels, pixels, planes, tile, tiles, bytes, words, params, first_synapse, synapses,
        stride, at_once;
/*@layer_kept@*/
};

/*@tables@*/
/* Spikes of a train; in its own type, so that compilers keep it in vectors of these. */
static inline name_word ones(name_word word)
{
    name_word n = (name_word)(word - ((word >> 1) & (name_word)0x5555));
    n = (name_word)((n & (name_word)0x3333) + ((n >> 2) & (name_word)0x3333));
    n = (name_word)((n + (n >> 4)) & (name_word)0x0f0f);
#if !defined(NAME_BYTES)
    n = (name_word)((n + (n >> 8)) & 31);
#endif
    return n;
}

static inline int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* The part of a window that lies inside of a map. */
static inline void clip(int32_t at, int32_t size, int32_t extent, int32_t *first, int32_t *end)
{
    *first = most(at, 0);
    *end = least(at + size, extent);
}

/*@maxpool@*/
/*@lists@*/
/*@values@*/
/*@kernels_text@*/
/*@neurons@*/
static void run_layer(name_fast_state *s, const struct layer *l, int32_t *potentials)
{
    for (int32_t i = 0; i < l->synapses; ++i)
        prepare(s, synapses + l->first_synapse + i);
    for (int32_t t = 0; t < l->tiles; ++t) {
        memset(&s->currents, 0, (size_t)l->bytes);
        for (int32_t i = 0; i < l->synapses; ++i) {
            const struct synapse *y = synapses + l->first_synapse + i;
            const struct tile *tile = tiles + y->first_tile + t;
            for (int32_t g = 0; g < tile->groups; ++g)
                gather(s, y, t * l->tile, tile->first_group + g, tile->weights + g * y->size);
        }
        activate(s, l, t, potentials);
    }
}

size_t name_fast_state_size(void)
{
    return sizeof(name_fast_state);
}

/*@image_word@*/
/*@late@*/
void name_fast_run(name_fast_state *state, const uint8_t *image, int32_t *potentials)
{
/*@window_begins@*/
    for (int i = 0; i < NAME_FAST_IMAGE; ++i)
        state->words[i] = (name_word)image_word(image[i]);
/*@stages@*/
/*@window_ends@*/
}

void name_fast_run_batch(name_fast_state *states, int threads, const uint8_t *images,
                         int64_t count, int32_t *potentials, name_word *words)
{
    /* A thread without an image would be waited for all the same. */
    if (threads > count)
        threads = count > 1 ? (int)count : 1;
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(dynamic)
#endif
    for (int64_t i = 0; i < count; ++i) {
        name_fast_state *state = states;
#if defined(_OPENMP)
        state += omp_get_thread_num();
#endif
        name_fast_run(state, images + i * NAME_FAST_IMAGE, potentials + i * NAME_FAST_OUTPUTS);
        if (words)
            memcpy(words + i * NAME_FAST_WORDS, state->words, sizeof state->words);
    }
}
/*@samples_text@*/
