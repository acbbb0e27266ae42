/* Keeps the first of two trains unless the second is worth more. */
static void keep_best(name_word *restrict best, const name_word *restrict next, int32_t n,
                      int counts)
{
    if (counts)
        for (int32_t c = 0; c < n; ++c)
            best[c] = ones(next[c]) > ones(best[c]) ? next[c] : best[c];
    else
        for (int32_t c = 0; c < n; ++c)
            best[c] = next[c] > best[c] ? next[c] : best[c];
}

/* The train of largest value in each window, the first in (y, x) order on a tie. */
static void pool_padded(name_fast_state *s, const struct pool *p)
{
    name_word *best = s->words + p->to;
    for (int32_t oy = 0; oy < p->out_height; ++oy)
        for (int32_t ox = 0; ox < p->out_width; ++ox, best += p->channels) {
            int32_t y0, y1, x0, x1;
            clip(oy * p->stride_y - p->top, p->kernel_y, p->height, &y0, &y1);
            clip(ox * p->stride_x - p->left, p->kernel_x, p->width, &x0, &x1);
            for (int32_t y = y0; y < y1; ++y)
                for (int32_t x = x0; x < x1; ++x) {
                    const name_word *next = s->words + p->from + (y * p->width + x) * p->channels;
                    if (y == y0 && x == x0)
                        memcpy(best, next, (size_t)p->channels * sizeof *best);
                    else
                        keep_best(best, next, p->channels, p->counts);
                }
        }
}

/* The same without padding: windows at all pixels of a row at once, along the row and then down,
   which keeps the order of ties. */
static void max_pool(name_fast_state *s, const struct pool *p)
{
    const int32_t channels = p->channels, row = p->width * channels;
    const int32_t n = (p->width - p->kernel_x + 1) * channels;
    name_word *best = s->words + p->to, *all = s->pool, *line = s->pool + row;
    if (p->padded) {
        pool_padded(s, p);
        return;
    }
    for (int32_t oy = 0; oy < p->out_height; ++oy) {
        for (int32_t ky = 0; ky < p->kernel_y; ++ky) {
            const name_word *from = s->words + p->from + (oy * p->stride_y + ky) * row;
            name_word *to = ky ? line : all;
            memcpy(to, from, (size_t)n * sizeof *to);
            for (int32_t kx = 1; kx < p->kernel_x; ++kx)
                keep_best(to, from + kx * channels, n, p->counts);
            if (ky)
                keep_best(all, line, n, p->counts);
        }
        for (int32_t ox = 0; ox < p->out_width; ++ox, best += channels)
            memcpy(best, all + ox * p->stride_x * channels, (size_t)channels * sizeof *best);
    }
}

