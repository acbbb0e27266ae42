// What the test bench keeps of a core's counters, clock by clock: for each tile and layer what the
// counters say at its end, for the first image also each phase and each beat of weights.
//
// Written are, all int64: OUT.counters (an image: its latched counters), OUT.ends (flags, clock, the
// running counters and the spikes that the banks have read, since the start of the image; flags are
// 1 a tile, 2 a layer, 4 the first of an image), OUT.phases (see Phase), OUT.beats (the clock in
// which each was taken) and OUT.moves (for each move of maps the first clock, and the one behind the
// last).

#pragma once

#include <cstdint>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include "Vcore.h"

// Ones in a port, whatever type its width gives it.
template <typename T>
int ones(const T& value) {
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(&value);
    int count = 0;
    for (size_t i = 0; i < sizeof value; i++) count += __builtin_popcount(bytes[i]);
    return count;
}

class CounterRecords {
public:
    explicit CounterRecords(const std::string& out)
        : counters_(out + ".counters", std::ios::binary), ends_(out + ".ends", std::ios::binary),
          phase_file_(out + ".phases", std::ios::binary),
          beats_(out + ".beats", std::ios::binary), moves_(out + ".moves", std::ios::binary) {}

    ~CounterRecords() {
        for (const Phase& phase : phases_) write(phase_file_, phase);
    }

    // Behind eval(), in each clock.
    void observe(const Vcore* core) {
        const uint32_t shown = core->trace_shown;
        if (shown & kRunning) {
            clock_ = ran_ ? clock_ + 1 : 0;
            if (!ran_) begin_image();
            see(core, shown);
        }
        ran_ = shown & kRunning;
        if (core->counter_images != images_) {
            images_ = core->counter_images;
            write(counters_, Latched{core});
        }
    }

    // A beat of weights is taken.
    void beat(const Vcore* core) {
        if (images_ == 0 && core->running) write(beats_, static_cast<int64_t>(core->cycles));
    }

    // A move of maps starts, or one has ended.
    void move(const Vcore* core, unsigned trace) {
        if (images_ != 0 || !core->running) return;
        if (trace & 3) write(moves_, static_cast<int64_t>(core->cycles) - 1);
        if (trace & 4) write(moves_, static_cast<int64_t>(core->cycles));
    }

private:
    enum : uint32_t {
        kRunning = 1, kLayerEnd = 2, kTileEnd = 4, kPixelEnd = 8, kPhaseEnd = 16, kRun = 32,
        kResolved = 64, kLongest = 128, kDone = 256, kLoaded = 512, kDrains = 1024,
    };
    static const int kCounts = 11;

    // A phase: the clocks of the image in which it started, in which its first and its last run
    // reached the queues, in which its last entry was emitted, its last clock, and the last clock
    // in which its pixel left the shadow (-1 if it ended none); what it did.
    struct Phase {
        int64_t start = -1, first_run = -1, resolved = -1, emitted = -1, end = -1, drained = -1;
        int64_t runs = 0, events = 0, longest = 0;
    };
    struct Latched {
        int64_t values[kCounts + 2];
        explicit Latched(const Vcore* core)
            : values{core->counter_images, core->counter_clocks, core->counter_events,
                     core->counter_busy, core->counter_imbalance, core->counter_ends,
                     core->counter_resolver, core->counter_weights, core->counter_drain,
                     core->counter_pipeline, core->counter_receive, core->counter_loads,
                     core->counter_stores} {}
    };
    struct End {
        int64_t flags, clock, counts[kCounts], spikes;
    };

    template <typename T>
    static void write(std::ofstream& file, const T& value) {
        file.write(reinterpret_cast<const char*>(&value), sizeof value);
    }

    void begin_image() {
        spikes_ = events_ = 0;
        first_end_ = 4;
        open_ = Phase();
        runs_ = Phase();
        may_start_ = false;
    }

    void see(const Vcore* core, uint32_t shown) {
        spikes_ += ones(core->trace_read);
        if (images_ == 0) see_phase(core, shown);
        if (!(shown & (kTileEnd | kLayerEnd))) return;
        End end{first_end_, clock_, {}, spikes_};
        end.flags += (shown & kTileEnd ? 1 : 0) + (shown & kLayerEnd ? 2 : 0);
        first_end_ = 0;
        for (int i = 0; i < kCounts; i++) end.counts[i] = core->trace_counts[i];
        write(ends_, end);
    }

    void see_phase(const Vcore* core, uint32_t shown) {
        if (!phases_.empty() && shown & kDrains) phases_[pixel_].drained = clock_;
        if (may_start_ && open_.start < 0 && shown & kLoaded) open_.start = clock_;
        if (shown & kRun) {
            // Of the first run of a layer the banks know a clock later.
            if (runs_.first_run < 0) runs_.first_run = clock_;
            runs_.runs++;
            may_start_ = true;
        }
        if (shown & kResolved) {
            runs_.resolved = clock_;
            resolved_.push_back(runs_);
            runs_ = Phase();
        }
        open_.longest += shown & kLongest ? 1 : 0;
        waited_ += shown & kDone ? 1 : 0;
        if (shown & kPhaseEnd && !resolved_.empty()) {
            Phase phase = resolved_.front();
            resolved_.pop_front();
            phase.start = open_.start;
            phase.longest = open_.longest;
            phase.end = clock_;
            phase.emitted = clock_ - waited_;
            phase.events = core->trace_counts[0] - events_;
            events_ = core->trace_counts[0];
            if (shown & kPixelEnd) pixel_ = phases_.size();
            phases_.push_back(phase);
            open_ = Phase();
            waited_ = 0;
        }
        if (shown & kLayerEnd) {
            open_ = Phase();
            may_start_ = false;
        }
    }

    std::ofstream counters_, ends_, phase_file_, beats_, moves_;
    std::vector<Phase> phases_;
    std::deque<Phase> resolved_;
    Phase open_, runs_;
    int64_t clock_ = 0, spikes_ = 0, events_ = 0, first_end_ = 4, waited_ = 0;
    size_t pixel_ = 0;
    uint32_t images_ = 0;
    bool ran_ = false, may_start_ = false;
};
