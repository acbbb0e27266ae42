/* Feature maps in DDR ---------------------------------------------------------------------------- */

enum { ASKED = 4, OFFERED = 6, MOVE_ENDS = 3, MOVE_BURST = 16, MOVE_RATE = 256 };
enum { MOVE_OUTSTANDING = 4, MOVE_REQUEST = 2 };

/* Rows go to DDR or come from there: their events and their pointer entries. */
static void move(name_state *s, const struct layer *l)
{
    for (int32_t row = 0; row < l->blocks * l->height; ++row) {
        const int32_t at = row / l->height * l->map_height + row % l->height;
        const int32_t entry = l->pointers + row * l->width;
        const int32_t map_entry = l->map_pointers + at * l->width;
        name_event *events = s->events + l->events + row * l->event_row;
        name_event *map_events = s->map_events + l->map_events + at * l->event_row;
        const size_t size = (size_t)l->event_row * sizeof *events;
        const size_t width = (size_t)l->width;

        if (l->kind == STORE_LAYER) {
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
static int64_t move_clocks(const name_state *s, const struct layer *l)
{
    const int stores = l->kind == STORE_LAYER;
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

