/* A map so many steps late: before a window begins, the last steps of the one before ... */
static void begin_late(name_fast_state *s, int32_t from, int32_t to, int32_t size, int32_t delay,
                       int32_t steps)
{
    const uint32_t mask = (1u << steps) - 1u;

    for (int32_t i = 0; i < size; ++i)
        s->words[to + i] =
            (name_word)(s->window > 0 ? (uint32_t)s->words[from + i] << (steps - delay) & mask : 0);
}

/* ... and then the first ones of its own. */
static inline void take_late(name_fast_state *s, int32_t from, int32_t to, int32_t size,
                             int32_t delay, int32_t steps)
{
    (void)steps;
    for (int32_t i = 0; i < size; ++i)
        s->words[to + i] = (name_word)(s->words[to + i] | s->words[from + i] >> delay);
}

