/* The train of largest value in each window, the first in (y, x) order on a tie. */
static void max_pool(name_fast_state *s, const struct pool *p)
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
                    else if (p->counts)
                        for (int32_t c = 0; c < p->channels; ++c)
                            best[c] = ones(next[c]) > ones(best[c]) ? next[c] : best[c];
                    else
                        for (int32_t c = 0; c < p->channels; ++c)
                            best[c] = next[c] > best[c] ? next[c] : best[c];
                }
        }
}

