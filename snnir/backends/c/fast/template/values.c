/* What each train is worth, padded, a map for each group; under an average pool their sum. */
static void NAME_OF(name_fast_state *s, const struct synapse *y)
{
    const int32_t end = least(y->padded_width - y->left, y->width);
    NAME_TYPE *to = s->NAME_ARRAY + y->lists;
    /* Values may be bytes, which could be any object's: what loops need is held here. */
    const int32_t inner = y->inner, counts = y->counts, delay = y->delay;
    /* Without groups and pools a row is one piece. */
    const int plain = y->groups == 1 && y->pool_y == 1 && y->pool_x == 1 &&
                      y->pool_stride_y == 1 && y->pool_stride_x == 1 && end > 0;
    const int32_t at_once = plain ? end + most(y->left, 0) : 1;
    const size_t row_size = (size_t)(y->padded_width * inner);
    for (int32_t g = 0; g < y->groups; ++g)
        for (int32_t row = -y->top; row < y->padded_height - y->top; ++row, to += row_size) {
            int32_t y0, y1, x0, x1;
            memset(to, 0, row_size * sizeof *to);
            if (row < 0 || row >= y->height)
                continue;
            clip(row * y->pool_stride_y - y->pool_top, y->pool_y, y->map_height, &y0, &y1);
            for (int32_t x = most(-y->left, 0); x < end; x += at_once) {
                const int32_t size = plain ? (end - x) * inner : inner;
                NAME_TYPE *restrict value = to + (x + y->left) * inner;
                clip(x * y->pool_stride_x - y->pool_left, y->pool_x, y->map_width, &x0, &x1);
                for (int32_t py = y0; py < y1; ++py)
                    for (int32_t px = x0; px < x1; ++px) {
                        const name_word *restrict words = s->words + y->words + g * inner +
                                                 (py * y->map_width + px) * y->channels;
                        if (counts)
                            for (int32_t c = 0; c < size; ++c)
                                value[c] = (NAME_TYPE)(value[c] + ones((name_word)(words[c] >> delay)));
                        else
                            for (int32_t c = 0; c < size; ++c)
                                value[c] = (NAME_TYPE)(value[c] + words[c]);
                    }
            }
        }
}

