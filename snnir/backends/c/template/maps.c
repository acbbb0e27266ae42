/* Feature maps in DDR ---------------------------------------------------------------------------- */

enum { ASKED = 4, OFFERED = 6, MOVE_ENDS = 1, MOVE_BURST = 16, MOVE_RATE = 256 };
enum { MOVE_OUTSTANDING = 4, MOVE_REQUEST = 2 };

/* A move of rows of a map, which may start when layer `before` may. `bursts` in all; of each of the
   `blocks`, `height` rows of `width` pixels are moved of the `map_height` in DDR, where the events of
   the first are at `map_events`, its pointer entries at `map_pointers`. */
struct move {
    int32_t stores, before, bursts, blocks, height, width, events, event_row, pointers;
    int32_t map_height, map_events, map_pointers;
};

/*@table@*/
/* Rows go to DDR or come from there: their events and their pointer entries. */
static void move(name_state *s, const struct move *l)
{
    for (int32_t row = 0; row < l->blocks * l->height; ++row) {
        const int32_t at = row / l->height * l->map_height + row % l->height;
        const int32_t entry = l->pointers + row * l->width;
        const int32_t map_entry = l->map_pointers + at * l->width;
        name_event *events = s->events + l->events + row * l->event_row;
        name_event *map_events = s->map_events + l->map_events + at * l->event_row;
        const size_t size = (size_t)l->event_row * sizeof *events;
        const size_t width = (size_t)l->width;

        if (l->stores) {
            memcpy(map_events, events, size);
            memcpy(s->map_pointers + map_entry, s->pointers + entry, width * sizeof *s->pointers);
            memcpy(s->map_bank_pointers + map_entry, s->bank_pointers + entry,
                   width * sizeof *s->bank_pointers);
        } else {
            memcpy(events, map_events, size);
            memcpy(s->pointers + entry, s->map_pointers + map_entry, width * sizeof *s->pointers);
            memcpy(s->bank_pointers + entry, s->map_bank_pointers + map_entry,
                   width * sizeof *s->bank_pointers);
        }
    }
}

/* The clocks of a move. */
static int64_t move_clocks(const name_state *s, const struct move *l)
{
    const int stores = l->stores;
    const int64_t behind = stores ? 1 : s->ddr_latency, answer = stores ? s->ddr_latency : 0;
    int64_t request = ASKED - MOVE_REQUEST, last = stores ? OFFERED : -1;
    int64_t done[MOVE_OUTSTANDING];
    int credit = MOVE_RATE;

    for (int i = 0; i < MOVE_OUTSTANDING; ++i)
        done[i] = -MOVE_REQUEST;
    for (int32_t burst = 0; burst < l->bursts; ++burst) {
        int64_t *const slot = done + burst % MOVE_OUTSTANDING;
        request = (request > *slot ? request : *slot) + MOVE_REQUEST;
        for (int i = 0; i < MOVE_BURST; ++i) {
            const int wait = (MOVE_RATE - credit + s->ddr_rate - 1) / s->ddr_rate;
            last += wait;
            if (last < request + behind)
                last = request + behind;
            credit += wait * s->ddr_rate - MOVE_RATE;
        }
        *slot = last + answer;
    }
    return done[(l->bursts - 1) % MOVE_OUTSTANDING] + MOVE_ENDS;
}

/* The moves that may start when a layer may, and the clocks that it waits for others. */
static void begin_moves(name_state *s, const struct layer *l)
{
    for (; s->moved < NAME_MOVES && moves[s->moved].before <= s->layer; ++s->moved) {
        const struct move *m = moves + s->moved;
        const int64_t free = s->moved ? s->move_ends[s->moved - 1] : 0;
        const int64_t start = s->cycles > free ? s->cycles : free;

        move(s, m);
        s->move_ends[s->moved] = s->counting ? start + move_clocks(s, m) : 0;
    }
    if (l->waits > 0 && s->cycles < s->move_ends[l->waits - 1])
        s->cycles = s->move_ends[l->waits - 1];
}

