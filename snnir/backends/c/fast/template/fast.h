/*@banner@*/
#ifndef NAME_FAST_H
#define NAME_FAST_H

#include <stddef.h>
#include <stdint.h>

/*@sizes@*/
#ifdef __cplusplus
extern "C" {
#endif

/*@types@*/
#if defined(__GNUC__)
#define NAME_ALIGNED __attribute__((aligned(64)))
#else
#define NAME_ALIGNED
#endif

/* Everything that one image needs while it is run; nothing else is allocated, ever. States lie at
   multiples of 64 bytes. */
typedef struct {
    NAME_ALIGNED name_word words[NAME_FAST_WORDS];  /* the trains of all maps */
    NAME_ALIGNED name_word pool[NAME_FAST_POOL];    /* rows of a max pool */
    NAME_ALIGNED uint8_t values[NAME_FAST_VALUES];  /* what trains are worth, with padding */
    NAME_ALIGNED int32_t integers[NAME_FAST_INTEGERS];
    NAME_ALIGNED union {
        int32_t whole[NAME_FAST_CURRENTS];
        int16_t half[NAME_FAST_CURRENTS];
    } currents; /* of a tile, of all pixels and steps */
    NAME_ALIGNED uint32_t events[NAME_FAST_EVENTS];    /* lists of spiking positions */
    NAME_ALIGNED int32_t quads[NAME_FAST_QUADS];       /* where four inputs of a window are */
    NAME_ALIGNED uint32_t starts[NAME_FAST_STARTS];    /* where the lists of each pixel begin */
/*@kept_state@*/
} name_fast_state;

/* A map of trains: words[offset + (y * width + x) * channels + c], as it is labelled in the IR. */
typedef struct {
    const char *label;
    int32_t offset, channels, height, width;
} name_fast_map;

extern const name_fast_map name_fast_maps[NAME_FAST_MAPS];

size_t name_fast_state_size(void);

/* Runs an image of NAME_FAST_IMAGE bytes in the order (y, x, channel); writes NAME_FAST_OUTPUTS
   potentials. A state needs no preparation; behind the call it holds the trains of all maps. */
void name_fast_run(name_fast_state *state, const uint8_t *image, int32_t *potentials);

/* Runs `count` images on as many threads as there are states (one, unless built with OpenMP).
   `words` takes the NAME_FAST_WORDS words of each image's maps, or is NULL. */
void name_fast_run_batch(name_fast_state *states, int threads, const uint8_t *images,
                         int64_t count, int32_t *potentials, name_word *words);

/*@samples@*/
#ifdef __cplusplus
}
#endif
#endif
