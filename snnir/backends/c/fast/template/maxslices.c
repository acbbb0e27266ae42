/* A max pool across slices: in each pixel slices lie one behind the other, as rows do in a map. */
static void max_slices(name_fast_state *s, const struct pool *p, int32_t pixels)
{
    struct pool one = *p;
    for (int32_t i = 0; i < pixels; ++i) {
        max_pool(s, &one);
        one.from += p->height * p->channels;
        one.to += p->out_height * p->channels;
    }
}

