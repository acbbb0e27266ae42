/*@banner@*/
#ifndef NAME_MODEL_H
#define NAME_MODEL_H

#include <stddef.h>
#include <stdint.h>

/*@sizes@*/
#ifdef __cplusplus
extern "C" {
#endif

/*@types@*/
/* A neuron whose train is not silent: where it is in its row, and its train (right-aligned, the
   first step is the most significant bit). The list of bank k is those with position % banks = k. */
typedef struct {
    name_position position;
    uint16_t train;
} name_event;

/* The row of events that is being written. */
typedef struct {
    int32_t event, count;
    name_count banks[NAME_BANKS];
} name_writer;

/* The clock counts of the layer that runs; see "Clock counts" in docs/machine.md of snnir. */
typedef struct {
    name_clock resolved, phase, shadow_free, full, busy;
    name_clock last[NAME_BANKS], oldest[NAME_BANKS], queue[NAME_BANKS][NAME_FIFO];
    int32_t next[NAME_BANKS];
} name_clocks;

/*@loader_types@*/
/* Everything that one image (or a batch of NAME_BATCH, computed together) needs while it is run;
   nothing else is allocated, ever. */
typedef struct {
    /* To be set by the caller, behind name_init: whether clocks are counted (1), and where all
       trains are recorded: NAME_TRAINS words an image that begin as 0, or NULL (the default). */
    int counting;
/*@ddr_fields@*/
    uint16_t *trains;
/*@window_fields@*/
    /* Results, beside the potentials: clocks and events of the batch, and of each row of the layer
       table. */
    int64_t cycles;
    int64_t layer_cycles[NAME_LAYERS];
    int64_t layer_events[NAME_LAYERS];
    /* The machine's own. */
    int32_t layer;
    name_clocks clocks;
/*@loader_state@*/
    name_event events[NAME_EVENTS];
    name_position pointers[NAME_POINTERS];
    name_count bank_pointers[NAME_POINTERS][NAME_BANKS];
/*@maps_state@*/
/*@kept_state@*/
/*@parity@*/
} name_state;

/* Results of many images, each one behind the other; all but `potentials` may be NULL. What counts
   clocks and events is for each batch. */
typedef struct {
    int32_t *potentials;   /* NAME_OUTPUTS each */
    int64_t *cycles;       /* 1 a batch */
    int64_t *layer_cycles; /* NAME_LAYERS a batch */
    int64_t *layer_events; /* NAME_LAYERS a batch */
    uint16_t *trains;      /* NAME_TRAINS each, must begin as 0 */
} name_results;

/* A recorded map: trains[offset + (c * height + y) * width + x], as it is labelled in the IR. */
typedef struct {
    const char *label;
    int32_t offset, channels, height, width;
} name_map;

extern const name_map name_maps[NAME_MAPS];
extern const char *const name_layer_labels[NAME_LAYERS];
extern const int8_t *const name_weights;

size_t name_state_size(void);

/* Prepares a state for any number of images. */
void name_init(name_state *state);

/* Runs a batch, NAME_BATCH images of NAME_IMAGE bytes in the order (y, x, channel); writes
   NAME_OUTPUTS potentials for each. */
void name_run(name_state *state, const uint8_t *image, int32_t *potentials);

/* Runs `count` batches on as many threads as there are states (one, unless built with OpenMP). */
void name_run_batch(name_state *states, int threads, const uint8_t *images, int64_t count,
                    const name_results *results);

/*@windows@*/
#ifdef __cplusplus
}
#endif
#endif
