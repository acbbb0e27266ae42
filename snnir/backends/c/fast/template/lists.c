/* Appends the positions of the channels that spike at the step of this bit. */
static uint32_t append(uint32_t *list, uint32_t count, const name_word *words, int32_t channels,
                       uint32_t bit, uint32_t position)
{
    int32_t c = 0;
#if defined(NAME_BYTES) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(NAME_VECTORS)
    const __m128i wanted = _mm_set1_epi8((char)(1u << bit));
    __m512i at = _mm512_add_epi32(_mm512_set1_epi32((int)position),
                                  _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                                    14, 15));
    for (; c + 16 <= channels; c += 16) {
        const __m128i trains = _mm_loadu_si128((const __m128i *)(const void *)(words + c));
        const __mmask16 spikes = _mm_test_epi8_mask(trains, wanted);
        _mm512_storeu_si512(list + count, _mm512_maskz_compress_epi32(spikes, at));
        count += (uint32_t)__builtin_popcount(spikes);
        at = _mm512_add_epi32(at, _mm512_set1_epi32(16));
    }
#endif
    for (; c < channels; ++c) {
        list[count] = position + (uint32_t)c;
        count += (uint32_t)(words[c] >> bit) & 1u;
    }
    return count;
}

/* For each row and step the positions (x * inner + channel) that spike; under an average pool as
   often as they do in the window. */
static void list_events(name_fast_state *s, const struct synapse *y)
{
    uint32_t *list = s->events + y->lists, *start = s->starts + y->starts, n = 0;
    for (int32_t g = 0; g < y->groups; ++g)
        for (int32_t row = 0; row < y->height; ++row) {
            int32_t y0, y1, x0, x1;
            clip(row * y->pool_stride_y - y->pool_top, y->pool_y, y->map_height, &y0, &y1);
            for (int32_t bit = y->steps - 1; bit >= 0; --bit) {
                const name_word *words = s->words + y->words + g * y->inner;
                for (int32_t x = 0; x < y->width; ++x) {
                    *start++ = n;
                    clip(x * y->pool_stride_x - y->pool_left, y->pool_x, y->map_width, &x0, &x1);
                    for (int32_t py = y0; py < y1; ++py)
                        for (int32_t px = x0; px < x1; ++px)
                            n = append(list, n, words + (py * y->map_width + px) * y->channels,
                                       y->inner, (uint32_t)(bit + y->delay),
                                       (uint32_t)(x * y->inner));
                }
                *start++ = n;
            }
        }
}

