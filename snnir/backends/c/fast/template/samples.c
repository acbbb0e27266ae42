
void name_fast_begin(name_fast_state *state)
{
    state->window = 0;
}

void name_fast_run_samples(name_fast_state *states, int threads, const uint8_t *images,
                           int64_t samples, int32_t windows, int32_t *potentials,
                           name_word *words)
{
    if (threads > samples)
        threads = samples > 1 ? (int)samples : 1;
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(dynamic)
#endif
    for (int64_t i = 0; i < samples; ++i) {
        name_fast_state *state = states;
#if defined(_OPENMP)
        state += omp_get_thread_num();
#endif
        name_fast_begin(state);
        for (int64_t at = i * windows; at < (i + 1) * windows; ++at) {
            name_fast_run(state, images + at * NAME_FAST_IMAGE,
                          potentials + at * NAME_FAST_OUTPUTS);
            if (words)
                memcpy(words + at * NAME_FAST_WORDS, state->words, sizeof state->words);
        }
    }
    (void)threads;
}
