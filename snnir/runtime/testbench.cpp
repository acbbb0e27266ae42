// The Verilator test bench of every generated core: images in, potentials and traces out.
//
//   Vcore FRAMES IMAGE_BYTES OUTPUTS LAYERS OUT SEED RECORD
//         [WEIGHTS LATENCY RATE PAUSES FAULT FAULT_PORT [MAPS READ_FAULT WRITE_FAULT ANSWER RESET]]
//
// A core that keeps states (SNNIR_WINDOWS) has a byte for each image in the file FRAMES.first: whether
// it is the first window of a sample.
//
// FRAMES is a file of images, IMAGE_BYTES each. Written are OUT.results (per image OUTPUTS int32
// and the int64 clock count), OUT.layers (per image and row of the layer table four int64: clocks,
// events, clocks that fired and clocks that stored) and, if RECORD is 1, OUT.fired and OUT.stored:
// the trains of these clocks, all lanes in one integer as Verilator keeps it. With a SEED other than 0 the streams pause at
// random, which must change nothing but the time between images. Registers and memories hold random
// values before the reset, others with another SEED. With 2 added to RECORD the files of
// testbench_counters.h are written, of a core with counters (SNNIR_COUNTERS).
//
// A core whose weights come from DDR (SNNIR_STREAM) reads them from the file WEIGHTS, LATENCY clocks
// from a request to its first beat, RATE beats in 256 clocks. With PAUSES other than 0, a seed, the
// DDR pauses at random; the answer to beat number FAULT is an error, if that is not negative, at
// the port FAULT_PORT. SNNIR_STREAM is the number of ports, each of that rate.
//
// A core that moves feature maps (SNNIR_MAPS) has MAPS bytes for them in the same kind of memory, at
// a port of its own; beat READ_FAULT and burst WRITE_FAULT are answered with ANSWER. With a RESET other
// than 0 all is reset after so many clocks, and begins anew.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "Vcore.h"
#include "verilated.h"
#ifdef SNNIR_STREAM
#include "read_pins.h"
#endif
#ifdef SNNIR_MAPS
#include "maps_port.h"
#endif
#if defined(SNNIR_STREAM) || defined(SNNIR_MAPS)
#define SNNIR_MEMORY
#endif
#ifdef SNNIR_COUNTERS
#include "testbench_counters.h"
#endif

namespace {

const uint64_t kPatience = 20000000;  // clocks without a layer's end that mean a dead machine

#ifdef SNNIR_MAPS
const char* const kMaps = " or maps";
#elif defined(SNNIR_MEMORY)
const char* const kMaps = "";
#endif

struct LayerCounts {
    int64_t clocks = 0, events = 0, fired = 0, stored = 0;
};

template <typename T>
void put(std::ofstream& file, const T& value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
}

struct DdrOptions {
    std::vector<char> weights;
    int64_t latency = 1, rate = 256, fault = -1;
    unsigned pauses = 0, fault_port = 0;
};

#ifdef SNNIR_STREAM
// The memory behind an AXI4 read master: requests in order, a fixed latency, a bandwidth.
class Ddr {
public:
    static const uint32_t kBase = 0x10000000;

    Ddr(const DdrOptions& options, unsigned port, const ReadPins& pins)
        : options_(options), fault_(port == options.fault_port ? options.fault : -1),
          random_(options.pauses + 1000 * port), pins_(pins) {}

    void drive() {
        clock_++;
        if (requests_.empty()) credit_ = 256;
        else if (credit_ < 256) credit_ += options_.rate;
        pins_.arready = !pause();
        if (!offers_ && !requests_.empty() && requests_.front().first <= clock_ && credit_ >= 256)
            offers_ = !pause();
        pins_.rvalid = offers_;
        uint64_t data = 0xAAAAAAAAAAAAAAAAull;
        if (offers_) {
            std::memcpy(&data, options_.weights.data() + requests_.front().address, 8);
            pins_.rlast = requests_.front().beats == 1;
        }
        pins_.rdata = data;
        pins_.rresp = offers_ && beat_ == fault_ ? 2 : 0;
    }

    // Behind the core's eval(): what is handed over in this clock. False for a bad request.
    bool observe() {
        if (pins_.rvalid && pins_.rready) {
            offers_ = false;
            credit_ -= 256;
            beat_++;
            requests_.front().address += 8;
            if (--requests_.front().beats == 0) requests_.pop_front();
        }
        if (asked_ && (!pins_.arvalid || pins_.araddr != asked_)) return false;
        asked_ = pins_.arvalid && !pins_.arready ? pins_.araddr : 0;
        if (pins_.arvalid && pins_.arready) {
            const uint64_t first = pins_.araddr - kBase, bytes = 8 * (pins_.arlen + 1);
            const bool crosses = first / 4096 != (first + bytes - 1) / 4096;
            if (crosses || first + bytes > options_.weights.size()) return false;
            requests_.push_back({clock_ + options_.latency, first, pins_.arlen + 1});
        }
        return true;
    }

    void reset() {
        requests_.clear();
        credit_ = 256;
        beat_ = 0;
        asked_ = 0;
        offers_ = false;
    }

    size_t open() const { return requests_.size(); }
    bool asks() const { return pins_.arvalid; }
    bool takes() const { return pins_.rvalid && pins_.rready; }

private:
    struct Request {
        int64_t first;  // the clock from which it is answered
        uint64_t address;
        int beats;
    };
    bool pause() { return options_.pauses && (random_() & 3) == 0; }

    const DdrOptions& options_;
    int64_t fault_;
    std::mt19937 random_;
    ReadPins pins_;
    std::deque<Request> requests_;
    int64_t clock_ = 0, credit_ = 256, beat_ = 0;
    uint32_t asked_ = 0;
    bool offers_ = false;
};
#endif

class Bench {
public:
    Bench(std::vector<char> frames, size_t image_bytes, size_t outputs, size_t layers,
          const std::string& out, unsigned seed, unsigned record, DdrOptions ddr
#ifdef SNNIR_MAPS
          , MapsOptions maps
#endif
          )
        : frames_(std::move(frames)), image_bytes_(image_bytes), outputs_(outputs),
          layers_(layers), results_(out + ".results", std::ios::binary),
          layer_file_(out + ".layers", std::ios::binary), random_(seed), pauses_(seed != 0),
          record_(record & 1), core_(new Vcore(switched_on(seed))), ddr_options_(std::move(ddr))
#ifdef SNNIR_MAPS
          , maps_options_(maps), maps_(maps_options_)
#endif
    {
#ifdef SNNIR_STREAM
        unsigned port = 0;
        for (const ReadPins& pins : read_pins(core_.get())) ddr_.emplace_back(ddr_options_, port++, pins);
#endif
#ifdef SNNIR_COUNTERS
        if (record & 2) counters_.reset(new CounterRecords(out));
#endif
        if (record_) {
            fired_.open(out + ".fired", std::ios::binary);
            stored_.open(out + ".stored", std::ios::binary);
        }
    }

    int run() {
        core_->rst = 1;
        core_->s_tvalid = 0;
        core_->m_tready = 0;
        core_->clk = 0;
        core_->eval();
        tick();  // one clock is enough
        core_->rst = 0;
#ifdef SNNIR_MAPS
        if (maps_options_.reset && !reset_behind(maps_options_.reset)) return 1;
#endif
        const size_t words = frames_.size() / image_bytes_ * outputs_;
        while (received_ < words) {
            drive();
            core_->eval();
            if (!memory_works()) return 1;
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
        // The last image's counters are complete some clocks behind its end.
        for (int i = 0; i < 8; i++) {
            drive();
            core_->eval();
            if (!memory_works()) return 1;
            observe();
            tick();
        }
        if (next_layer_ != 0) {
            std::fprintf(stderr, "error: %zu layers ended, not %zu\n", next_layer_, layers_);
            return 1;
        }
        core_->final();
        return 0;
    }

private:
    // What nobody has written yet is random: nothing may depend on it behind a reset.
    VerilatedContext* switched_on(unsigned seed) {
        context_.randReset(2);
        context_.randSeed(static_cast<int>(seed % 0x7fffffff) + 1);  // 0 takes another each time
        return &context_;
    }

    bool pause() { return pauses_ && (random_() & 3) == 0; }

#ifdef SNNIR_MAPS
    // Runs for some clocks, and resets the core and its memories in the middle of what they do.
    bool reset_behind(int64_t clocks) {
        for (int64_t i = 0; i < clocks; i++) {
            drive();
            core_->eval();
            if (!memory_works()) return false;
            const bool sent = core_->s_tvalid && core_->s_tready;
            tick();
            next_byte_ += sent;
            if (sent) holds_ = false;
        }
        core_->rst = 1;
        core_->s_tvalid = 0;
        tick();
        core_->rst = 0;
#ifdef SNNIR_STREAM
        for (Ddr& port : ddr_) port.reset();
#endif
        maps_.reset();
        next_byte_ = 0;
        holds_ = false;
        return true;
    }
#endif

    // Whether weights come in as they should; a core that stops must do so in good order.
    bool memory_works() {
#ifdef SNNIR_MEMORY
        if (const char* wrong = observe_memory()) {
            std::fprintf(stderr, "error: %s\n", wrong);
            return false;
        }
        if (core_->status == 0) return true;
        const int status = core_->status;
        for (int i = 0; i < 100000 && (core_->running || open_requests()); i++) {
            tick();
            drive();
            core_->eval();
            if (const char* wrong = observe_memory()) {
                std::fprintf(stderr, "error: behind a fault %s\n", wrong);
                return false;
            }
        }
        std::fprintf(stderr, "error: the weights%s fail with status %d: %s, %zu requests open\n",
                     kMaps, status, core_->running ? "it still runs" : "it has stopped",
                     open_requests());
        return false;
#else
        return true;
#endif
    }

#ifdef SNNIR_MEMORY
    // What the core does wrong at its memories in this clock, or null.
    const char* observe_memory() {
        const char* wrong = nullptr;
#ifdef SNNIR_STREAM
        for (Ddr& port : ddr_)
            if (!port.observe()) wrong = "a request for weights breaks the rules";
#endif
#ifdef SNNIR_MAPS
        if (const char* other = maps_.observe(core_.get())) wrong = other;
#endif
        return wrong;
    }

    size_t open_requests() const {
        size_t number = 0;
#ifdef SNNIR_STREAM
        for (const Ddr& port : ddr_) number += port.open() + port.asks();
#endif
#ifdef SNNIR_MAPS
        number += maps_.open(core_.get());
#endif
        return number;
    }
#endif

    void drive() {
#ifdef SNNIR_STREAM
        core_->weights_base = Ddr::kBase;
        for (Ddr& port : ddr_) port.drive();
#endif
#ifdef SNNIR_MAPS
        maps_.drive(core_.get());
#endif
        // A word once offered stays until it is taken, as the AXI4-Stream rules ask.
        if (!holds_ && next_byte_ < frames_.size() && !pause()) holds_ = true;
        core_->s_tvalid = holds_;
        core_->s_tdata = holds_ ? static_cast<uint8_t>(frames_[next_byte_]) : 0xAA;
        core_->s_tlast = holds_ && next_byte_ % image_bytes_ == image_bytes_ - 1;
#ifdef SNNIR_WINDOWS
        // What is said with other bytes means nothing.
        const bool begins = next_byte_ % image_bytes_ == 0;
        core_->s_tuser = begins && holds_ ? firsts_[next_byte_ / image_bytes_] : next_byte_ & 1;
#endif
        core_->m_tready = !pause();
    }

    void observe() {
#ifdef SNNIR_COUNTERS
        if (counters_) {
            counters_->observe(core_.get());
#ifdef SNNIR_MAPS
            counters_->move(core_.get(), core_->trace_moves);
#endif
#ifdef SNNIR_STREAM
            if (ddr_.front().takes()) counters_->beat(core_.get());
#endif
        }
#endif
        if (core_->running) counts_.clocks++;
        counts_.events += __builtin_popcount(core_->trace_events);
        if (core_->trace_fire) {
            counts_.fired++;
            if (record_) put(fired_, core_->trace_fired);
        }
        if (core_->trace_store) {
            counts_.stored++;
            if (record_) put(stored_, core_->trace_stored);
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
#ifdef SNNIR_WINDOWS
    std::vector<char> firsts_;

public:
    void set_firsts(std::vector<char> firsts) { firsts_ = std::move(firsts); }

private:
#endif
    size_t image_bytes_, outputs_, layers_;
    std::ofstream results_, layer_file_, fired_, stored_;
    std::mt19937 random_;
    bool pauses_, record_;
    VerilatedContext context_;
    std::unique_ptr<Vcore> core_;
#ifdef SNNIR_COUNTERS
    std::unique_ptr<CounterRecords> counters_;
#endif
    LayerCounts counts_;
    size_t next_byte_ = 0, received_ = 0, next_layer_ = 0;
    uint64_t silence_ = 0;
    bool holds_ = false;
    DdrOptions ddr_options_;
#ifdef SNNIR_STREAM
    std::deque<Ddr> ddr_;
#endif
#ifdef SNNIR_MAPS
    MapsOptions maps_options_;
    MapsPort<Vcore> maps_;
#endif
};

std::vector<char> contents(const char* name) {
    std::ifstream file(name, std::ios::binary);
    return std::vector<char>((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8 && argc != 14 && argc != 19) {
        std::fprintf(stderr,
                     "usage: %s FRAMES IMAGE_BYTES OUTPUTS LAYERS OUT SEED RECORD "
                     "[WEIGHTS LATENCY RATE PAUSES FAULT FAULT_PORT "
                     "[MAPS READ_FAULT WRITE_FAULT ANSWER RESET]]\n",
                     argv[0]);
        return 2;
    }
    DdrOptions ddr;
    if (argc >= 14) {
        ddr.weights = contents(argv[8]);
        ddr.latency = std::stol(argv[9]);
        ddr.rate = std::stol(argv[10]);
        ddr.pauses = static_cast<unsigned>(std::stoul(argv[11]));
        ddr.fault = std::stol(argv[12]);
        ddr.fault_port = static_cast<unsigned>(std::stoul(argv[13]));
    }
#ifdef SNNIR_MAPS
    MapsOptions maps;
    if (argc == 19) {
        maps.bytes = std::stoull(argv[14]);
        maps.latency = ddr.latency;
        maps.rate = ddr.rate;
        maps.pauses = ddr.pauses;
        maps.read_fault = std::stol(argv[15]);
        maps.write_fault = std::stol(argv[16]);
        maps.answer = static_cast<unsigned>(std::stoul(argv[17]));
        maps.reset = std::stol(argv[18]);
    }
#endif
    Bench bench(contents(argv[1]), std::stoul(argv[2]), std::stoul(argv[3]), std::stoul(argv[4]),
                argv[5], static_cast<unsigned>(std::stoul(argv[6])), static_cast<unsigned>(std::stoul(argv[7])),
                std::move(ddr)
#ifdef SNNIR_MAPS
                , maps
#endif
                );
#ifdef SNNIR_WINDOWS
    bench.set_firsts(contents((std::string(argv[1]) + ".first").c_str()));
#endif
    return bench.run();
}
