void name_begin(name_state *state)
{
    state->window = 0;
}

int32_t name_run_sample(name_state *state, const uint8_t *images, int64_t first, int32_t windows,
                        const name_results *results, name_stop stop, void *context)
{
    name_begin(state);
    for (int32_t w = 0; w < windows; ++w) {
        const int64_t i = first + w;
        int32_t *potentials = results->potentials + i * NAME_OUTPUTS;
        state->trains = results->trains ? results->trains + i * NAME_TRAINS : NULL;
        name_run(state, images + i * NAME_IMAGE, potentials);
        keep_counts(state, results, i);
        if (stop != NULL && stop(context, first / windows, w, potentials))
            return w + 1;
    }
    return windows;
}

void name_run_samples(name_state *states, int threads, const uint8_t *images, int64_t samples,
                      int32_t windows, const name_results *results, int32_t *spent, name_stop stop,
                      void *context)
{
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic)
#endif
    for (int64_t i = 0; i < samples; ++i) {
        name_state *state = states;
#ifdef _OPENMP
        state += omp_get_thread_num();
#endif
        const int32_t ran =
            name_run_sample(state, images, i * windows, windows, results, stop, context);
        if (spent != NULL)
            spent[i] = ran;
    }
    (void)threads;
}

