/* What each train is worth, padded, a map for each group; under an average pool their sum. */
static void NAME_OF(name_fast_state *s, const struct synapse *y)
{
    NAME_TYPE *to = s->NAME_ARRAY + y->lists;
    const size_t row_size = (size_t)(y->padded_width * y->inner);
    for (int32_t g = 0; g < y->groups; ++g)
        for (int32_t row = -y->top; row < y->padded_height - y->top; ++row, to += row_size) {
            int32_t y0, y1, x0, x1;
            memset(to, 0, row_size * sizeof *to);
            if (row < 0 || row >= y->height)
                continue;
            clip(row * y->pool_stride_y - y->pool_top, y->pool_y, y->map_height, &y0, &y1);
            for (int32_t x = most(-y->left, 0); x < least(y->padded_width - y->left, y->width); ++x) {
                NAME_TYPE *value = to + (x + y->left) * y->inner;
                clip(x * y->pool_stride_x - y->pool_left, y->pool_x, y->map_width, &x0, &x1);
                for (int32_t py = y0; py < y1; ++py)
                    for (int32_t px = x0; px < x1; ++px) {
                        const name_word *words = s->words + y->words + g * y->inner +
                                                 (py * y->map_width + px) * y->channels;
                        if (y->counts)
                            for (int32_t c = 0; c < y->inner; ++c)
                                value[c] = (NAME_TYPE)(value[c] + ones(words[c]));
                        else
                            for (int32_t c = 0; c < y->inner; ++c)
                                value[c] = (NAME_TYPE)(value[c] + words[c]);
                    }
            }
        }
}

