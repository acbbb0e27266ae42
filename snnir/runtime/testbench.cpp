// The Verilator test bench of every generated core: images in, potentials and traces out.
//
//   Vcore FRAMES IMAGE_BYTES OUTPUTS LAYERS OUT SEED RECORD
//
// FRAMES is a file of images, IMAGE_BYTES each. Written are OUT.results (per image OUTPUTS int32
// and the int64 clock count), OUT.layers (per image and row of the layer table four int64: clocks,
// events, trains fired, trains stored) and, if RECORD is 1, OUT.fired and OUT.stored (uint16 trains
// in the order in which the hardware makes them). With a SEED other than 0 the streams pause at
// random, which must change nothing but the time between images.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "Vcore.h"
#include "verilated.h"

namespace {

const uint64_t kPatience = 20000000;  // clocks without a layer's end that mean a dead machine

struct LayerCounts {
    int64_t clocks = 0, events = 0, fired = 0, stored = 0;
};

template <typename T>
void put(std::ofstream& file, const T& value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
}

class Bench {
public:
    Bench(std::vector<char> frames, size_t image_bytes, size_t outputs, size_t layers,
          const std::string& out, unsigned seed, bool record)
        : frames_(std::move(frames)), image_bytes_(image_bytes), outputs_(outputs),
          layers_(layers), results_(out + ".results", std::ios::binary),
          layer_file_(out + ".layers", std::ios::binary), random_(seed), pauses_(seed != 0),
          record_(record), core_(new Vcore(&context_)) {
        if (record_) {
            fired_.open(out + ".fired", std::ios::binary);
            stored_.open(out + ".stored", std::ios::binary);
        }
    }

    int run() {
        core_->rst = 1;
        core_->s_tvalid = 0;
        core_->m_tready = 0;
        for (int i = 0; i < 3; i++) tick();
        core_->rst = 0;
        const size_t words = frames_.size() / image_bytes_ * outputs_;
        while (received_ < words) {
            drive();
            core_->eval();
            const bool sent = core_->s_tvalid && core_->s_tready;
            observe();
            tick();
            next_byte_ += sent;
            if (sent) holds_ = false;
            if (++silence_ > kPatience) {
                std::fprintf(stderr, "error: no layer has ended for %llu clocks\n",
                             static_cast<unsigned long long>(kPatience));
                return 1;
            }
        }
        if (next_layer_ != 0) {
            std::fprintf(stderr, "error: %zu layers ended, not %zu\n", next_layer_, layers_);
            return 1;
        }
        core_->final();
        return 0;
    }

private:
    bool pause() { return pauses_ && (random_() & 3) == 0; }

    void drive() {
        // A word once offered stays until it is taken, as the AXI4-Stream rules ask.
        if (!holds_ && next_byte_ < frames_.size() && !pause()) holds_ = true;
        core_->s_tvalid = holds_;
        core_->s_tdata = holds_ ? static_cast<uint8_t>(frames_[next_byte_]) : 0xAA;
        core_->s_tlast = holds_ && next_byte_ % image_bytes_ == image_bytes_ - 1;
        core_->m_tready = !pause();
    }

    void observe() {
        if (core_->running) counts_.clocks++;
        counts_.events += __builtin_popcount(core_->trace_events);
        if (core_->trace_fire) {
            counts_.fired++;
            if (record_) put(fired_, static_cast<uint16_t>(core_->trace_fired));
        }
        if (core_->trace_store) {
            counts_.stored++;
            if (record_) put(stored_, static_cast<uint16_t>(core_->trace_stored));
        }
        if (core_->trace_layer_end) {
            put(layer_file_, counts_);
            counts_ = LayerCounts();
            next_layer_ = core_->trace_layer + 1 == layers_ ? 0 : next_layer_ + 1;
            silence_ = 0;
        }
        if (core_->m_tvalid && core_->m_tready) {
            put(results_, static_cast<int32_t>(core_->m_tdata));
            const bool last = ++received_ % outputs_ == 0;
            if (last != static_cast<bool>(core_->m_tlast)) {
                std::fprintf(stderr, "error: tlast is wrong at word %zu\n", received_);
                std::exit(1);
            }
            if (last) put(results_, static_cast<int64_t>(core_->cycles));
        }
    }

    void tick() {
        core_->clk = 1;
        core_->eval();
        core_->clk = 0;
        core_->eval();
    }

    std::vector<char> frames_;
    size_t image_bytes_, outputs_, layers_;
    std::ofstream results_, layer_file_, fired_, stored_;
    std::mt19937 random_;
    bool pauses_, record_;
    VerilatedContext context_;
    std::unique_ptr<Vcore> core_;
    LayerCounts counts_;
    size_t next_byte_ = 0, received_ = 0, next_layer_ = 0;
    uint64_t silence_ = 0;
    bool holds_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8) {
        std::fprintf(stderr, "usage: %s FRAMES IMAGE_BYTES OUTPUTS LAYERS OUT SEED RECORD\n",
                     argv[0]);
        return 2;
    }
    std::ifstream file(argv[1], std::ios::binary);
    std::vector<char> frames((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>());
    Bench bench(std::move(frames), std::stoul(argv[2]), std::stoul(argv[3]), std::stoul(argv[4]),
                argv[5], static_cast<unsigned>(std::stoul(argv[6])), argv[7][0] == '1');
    return bench.run();
}
