/* Where in the values of a window its inputs are, four by four; their number. */
static int32_t list_quads(name_fast_state *s, const struct synapse *y)
{
    const int32_t pitch = y->padded_width * y->inner;
    int32_t n = 0;
    for (int32_t i = 0; i < y->runs; ++i) {
        const struct run *r = runs + y->first_run + i;
        for (int32_t at = 0; at < r->pixels * y->inner; at += 4)
            s->quads[n++] = r->y * pitch + r->x * y->inner + at;
    }
    return n;
}

#if defined(NAME_VECTORS)
/* Sixteen sums, or sixteen times four bytes. */
typedef int32_t quads __attribute__((vector_size(64), may_alias));
typedef int32_t loose_quads __attribute__((vector_size(64), may_alias, aligned(4)));
typedef uint32_t unsigned_quads __attribute__((vector_size(64), may_alias));

static inline uint32_t four(const uint8_t *x)
{
    uint32_t bytes;
    memcpy(&bytes, x, sizeof bytes);
    return bytes;
}

/* sums + x[0] w[0] + .. + x[3] w[3] of each lane. */
#if defined(__AVX512VNNI__)
#define DOT4(sums, x, w) \
    ((quads)_mm512_dpbusd_epi32((__m512i)(sums), _mm512_set1_epi32((int)(x)), (__m512i)(w)))
#else
#define BYTE(w, k) ((quads)((unsigned_quads)(w) << (24 - 8 * (k))) >> 24)
#define DOT4(sums, x, w) \
    ((sums) + BYTE(w, 0) * (int32_t)((x)&255u) + BYTE(w, 1) * (int32_t)((x) >> 8 & 255u) + \
     BYTE(w, 2) * (int32_t)((x) >> 16 & 255u) + BYTE(w, 3) * (int32_t)((x) >> 24))
#endif
#endif

