/* Each step's spikes as bytes, padded, a map for each step and group. */
static void byte_planes(name_fast_state *s, const struct synapse *y)
{
    const int32_t end = least(y->padded_width - y->left, y->width);
    uint8_t *to = s->values + y->lists;
    /* Bytes could be any object's: what loops need is held here. */
    const int32_t inner = y->inner, delay = y->delay;
    /* Without groups and pools a row is one piece. */
    const int plain = y->groups == 1 && y->pool_y == 1 && y->pool_x == 1 &&
                      y->pool_stride_y == 1 && y->pool_stride_x == 1 && end > 0;
    const int32_t at_once = plain ? end + most(y->left, 0) : 1;
    const size_t row_size = (size_t)(y->padded_width * inner);
    if (plain && y->padded_width == y->width && y->padded_height == y->height && !y->top && !y->left) {
        const int32_t size = y->height * y->width * inner;
        const name_word *restrict words = s->words + y->words;
        for (int32_t bit = y->steps - 1 + delay; bit >= delay; --bit, to += size) {
            uint8_t *restrict value = to;
            for (int32_t c = 0; c < size; ++c)
                value[c] = (words[c] >> bit) & 1;
        }
        return;
    }
    for (int32_t bit = y->steps - 1 + delay; bit >= delay; --bit)
        for (int32_t g = 0; g < y->groups; ++g)
            for (int32_t row = -y->top; row < y->padded_height - y->top; ++row, to += row_size) {
                int32_t y0, y1, x0, x1;
                memset(to, 0, row_size * sizeof *to);
                if (row < 0 || row >= y->height)
                    continue;
                clip(row * y->pool_stride_y - y->pool_top, y->pool_y, y->map_height, &y0, &y1);
                for (int32_t x = most(-y->left, 0); x < end; x += at_once) {
                    const int32_t size = plain ? (end - x) * inner : inner;
                    uint8_t *restrict value = to + (x + y->left) * inner;
                    clip(x * y->pool_stride_x - y->pool_left, y->pool_x, y->map_width, &x0, &x1);
                    for (int32_t py = y0; py < y1; ++py)
                        for (int32_t px = x0; px < x1; ++px) {
                            const name_word *restrict words = s->words + y->words + g * inner +
                                                     (py * y->map_width + px) * y->channels;
                            for (int32_t c = 0; c < size; ++c)
                                value[c] = (uint8_t)(value[c] + ((words[c] >> bit) & 1));
                        }
                }
            }
}

