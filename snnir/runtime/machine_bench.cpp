// The Verilator test bench of a machine whose program is data: a script of commands on one core.
//
//   Vsystem SCRIPT
//
// One command a line; what is told is printed on a line of its own. Addresses and values are
// numbers as C writes them.
//
//   memory ADDRESS FILE           the DDR holds the file's bytes there, and nothing else around it
//   ddr LATENCY RATE PAUSES       clocks to the first beat, beats in 256 clocks; other than 0, PAUSES
//                                 is a seed by which it pauses at random
//   fault BEAT ANSWER [PORT]      the beat of that read port (0) with that number, from now on, is
//                                 answered so (-1: none)
//   silent 0|1                    the DDR takes requests and never answers
//   write ADDRESS VALUE           a register
//   read ADDRESS                  tells `read ADDRESS VALUE`
//   wait ADDRESS MASK VALUE N     reads until the masked register is VALUE, for N clocks at most;
//                                 tells `read ADDRESS VALUE` of the last one
//   run FRAMES IMAGE_BYTES OUTPUTS LAYERS OUT SEED RECORD
//                                 images as in testbench.cpp, with the same files; tells `run 0`, or
//                                 `run 1` where the core stopped
//   feed FRAMES CLOCKS            bytes of images for so many clocks, whatever comes out
//   reset CLOCKS                  of core and memory
//   clocks N

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "Vsystem.h"
#include "read_pins.h"
#include "verilated.h"

namespace {

const uint64_t kPatience = 20000000;  // clocks without a layer's end that mean a dead machine
const uint32_t kStatus = 0x0C, kFailed = 1 << 11;

using Bytes = std::vector<char>;

struct LayerCounts {
    int64_t clocks = 0, events = 0, fired = 0, stored = 0;
};

template <typename T>
void put(std::ofstream& file, const T& value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
}

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "error: %s\n", what.c_str());
    std::exit(1);
}

Bytes contents(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) fail("cannot read " + name);
    return Bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

// Behind a read port: requests in order, a fixed latency, a bandwidth; docs/machine.md.
class Ddr {
public:
    int64_t latency = 40, rate = 256, fault = -1;
    int answer = 2;
    bool silent = false;

    explicit Ddr(const ReadPins& pins) : pins_(pins) {}

    void place(uint64_t address, Bytes data) { regions_[address] = std::move(data); }
    void pauses(unsigned seed) { seed_ = seed; random_.seed(seed); }
    void restart() { beat_ = 0; }
    void clear() { requests_.clear(); offers_ = false; asked_ = 0; }

    void drive() {
        clock_++;
        if (requests_.empty()) credit_ = 256;
        else if (credit_ < 256) credit_ += rate;
        pins_.arready = !pause();
        if (!offers_ && !silent && !requests_.empty() && requests_.front().first <= clock_ &&
            credit_ >= 256)
            offers_ = !pause();
        pins_.rvalid = offers_;
        uint64_t data = 0xAAAAAAAAAAAAAAAAull;
        if (offers_) {
            std::memcpy(&data, requests_.front().data, 8);
            pins_.rlast = requests_.front().beats == 1;
        }
        pins_.rdata = data;
        pins_.rresp = offers_ && beat_ == fault ? answer : 0;
    }

    // Behind the core's eval(): what is handed over in this clock.
    void observe() {
        if (pins_.rvalid && pins_.rready) {
            offers_ = false;
            credit_ -= 256;
            beat_++;
            requests_.front().data += 8;
            if (--requests_.front().beats == 0) requests_.pop_front();
        }
        if (asked_ && (!pins_.arvalid || pins_.araddr != asked_))
            fail("a request was taken back");
        asked_ = pins_.arvalid && !pins_.arready ? pins_.araddr : 0;
        if (pins_.arvalid && pins_.arready) {
            const uint64_t first = pins_.araddr, bytes = 8 * (pins_.arlen + 1);
            if (first / 4096 != (first + bytes - 1) / 4096) fail("a burst crosses 4 kB");
            auto region = regions_.upper_bound(first);
            if (region == regions_.begin()) fail("a read outside of all buffers");
            --region;
            const uint64_t offset = first - region->first;
            if (offset + bytes > region->second.size()) fail("a read outside of all buffers");
            requests_.push_back(
                {clock_ + latency, region->second.data() + offset, pins_.arlen + 1});
        }
    }

private:
    struct Request {
        int64_t first;  // the clock from which it is answered
        const char* data;
        int beats;
    };
    bool pause() { return seed_ && (random_() & 3) == 0; }

    ReadPins pins_;
    std::map<uint64_t, Bytes> regions_;
    std::mt19937 random_;
    unsigned seed_ = 0;
    std::deque<Request> requests_;
    int64_t clock_ = 0, credit_ = 256, beat_ = 0;
    uint32_t asked_ = 0;
    bool offers_ = false;
};

// Where the images of a run come from, and where what came of them goes to.
struct Run {
    Bytes frames;
    size_t image_bytes = 1, outputs = 1, layers = 1;
    bool record = false, counts = false;
    std::ofstream results, layer_file, fired, stored;
    LayerCounts layer;
    size_t next_byte = 0, received = 0, next_layer = 0;
    uint64_t silence = 0;
    bool holds = false;
};

class Bench {
public:
    Bench() : core_(new Vsystem(switched_on())) {
        for (const ReadPins& pins : read_pins(core_.get())) ddr_.emplace_back(pins);
        reset(3);
    }

    void command(const std::string& line) {
        std::istringstream words(line);
        std::string name, file;
        words >> name;
        auto number = [&words]() {
            std::string word;
            if (!(words >> word)) fail("a number is missing");
            return std::stoll(word, nullptr, 0);
        };
        if (name == "memory") {
            const uint64_t address = number();
            words >> file;
            for (Ddr& port : ddr_) port.place(address, contents(file));
        } else if (name == "ddr") {
            const int64_t latency = number(), rate = number();
            unsigned seed = static_cast<unsigned>(number());
            for (Ddr& port : ddr_) {
                port.latency = latency;
                port.rate = rate;
                port.pauses(seed);
                seed += seed ? 1000 : 0;
            }
        } else if (name == "fault") {
            const int64_t fault = number();
            const int answer = static_cast<int>(number());
            size_t at = 0;
            if (!(words >> at)) at = 0;
            if (at >= ddr_.size()) fail("there is no such port");
            Ddr& faulty = ddr_[at];
            for (Ddr& port : ddr_) port.restart();
            faulty.fault = fault;
            faulty.answer = answer;
        } else if (name == "silent") {
            const bool silent = number() != 0;
            for (Ddr& port : ddr_) port.silent = silent;
        } else if (name == "write") {
            const uint32_t address = number();
            write(address, static_cast<uint32_t>(number()));
        } else if (name == "read") {
            const uint32_t address = number();
            std::printf("read %u %u\n", address, read(address));
        } else if (name == "wait") {
            const uint32_t address = number(), mask = number(), value = number();
            const uint64_t end = clock_ + number();
            uint32_t found = read(address);
            while ((found & mask) != value && clock_ < end) found = read(address);
            std::printf("read %u %u\n", address, found);
        } else if (name == "run") {
            words >> file;
            begin(file);
            now_->image_bytes = number();
            now_->outputs = number();
            now_->layers = number();
            words >> file;
            const unsigned seed = static_cast<unsigned>(number());
            open(file, number() != 0);
            run(seed);
        } else if (name == "feed") {
            words >> file;
            begin(file);
            for (int64_t i = number(); i > 0; i--) clock();
            now_.reset();
        } else if (name == "reset") {
            reset(number());
        } else if (name == "clocks") {
            for (int64_t i = number(); i > 0; i--) clock();
        } else {
            fail("unknown command " + name);
        }
    }

    void end() { core_->final(); }

private:
    // What nobody has written yet is random: nothing may depend on it behind a reset.
    VerilatedContext* switched_on() {
        context_.randReset(2);
        context_.randSeed(1);
        return &context_;
    }

    void begin(const std::string& frames) {
        now_.reset(new Run);
        now_->frames = contents(frames);
    }

    void open(const std::string& out, bool record) {
        now_->counts = true;
        now_->results.open(out + ".results", std::ios::binary);
        now_->layer_file.open(out + ".layers", std::ios::binary);
        if (!(now_->record = record)) return;
        now_->fired.open(out + ".fired", std::ios::binary);
        now_->stored.open(out + ".stored", std::ios::binary);
    }

    void run(unsigned seed) {
        pauses_ = seed != 0;
        random_.seed(seed);
        const size_t words = now_->frames.size() / now_->image_bytes * now_->outputs;
        uint64_t asked = 0;
        bool stopped = false;
        while (now_->received < words && !stopped) {
            clock();
            if (++now_->silence > kPatience) fail("no layer has ended for a long time");
            if (++asked % 4096 == 0) stopped = read(kStatus) & kFailed;
        }
        if (!stopped && now_->next_layer != 0) fail("other layers ended than there are");
        std::printf("run %d\n", stopped ? 1 : 0);
        now_.reset();
        pauses_ = false;
    }

    void reset(int64_t clocks) {
        core_->rst = 1;
        for (Ddr& port : ddr_) port.clear();
        for (int64_t i = 0; i < clocks; i++) tick();
        core_->rst = 0;
    }

    void write(uint32_t address, uint32_t value) {
        core_->s_axi_awaddr = address;
        core_->s_axi_wdata = value;
        core_->s_axi_wstrb = 15;
        core_->s_axi_awvalid = core_->s_axi_wvalid = 1;
        wait(core_->s_axi_awready);
        core_->s_axi_awvalid = core_->s_axi_wvalid = 0;
        core_->s_axi_bready = 1;
        wait(core_->s_axi_bvalid);
        core_->s_axi_bready = 0;
    }

    uint32_t read(uint32_t address) {
        core_->s_axi_araddr = address;
        core_->s_axi_arvalid = 1;
        wait(core_->s_axi_arready);
        core_->s_axi_arvalid = 0;
        core_->s_axi_rready = 1;
        wait(core_->s_axi_rvalid);
        core_->s_axi_rready = 0;
        return data_;
    }

    // Until a signal of the slave is 1, and the clock in which it is.
    void wait(const CData& signal) {
        for (int i = 0; i < 100; i++) {
            drive();
            core_->eval();
            const bool there = signal;
            data_ = core_->s_axi_rdata;
            finish();
            if (there) return;
        }
        fail("the registers do not answer");
    }

    void clock() {
        drive();
        core_->eval();
        finish();
    }

    void drive() {
        for (Ddr& port : ddr_) port.drive();
        Run* run = now_.get();
        // A word once offered stays until it is taken, as the AXI4-Stream rules ask.
        if (run && !run->holds && run->next_byte < run->frames.size() && !pause())
            run->holds = true;
        const bool holds = run && run->holds;
        core_->s_tvalid = holds;
        core_->s_tdata = holds ? static_cast<uint8_t>(run->frames[run->next_byte]) : 0xAA;
        core_->s_tlast = holds && run->next_byte % run->image_bytes == run->image_bytes - 1;
        core_->m_tready = !pause();
    }

    void finish() {
        for (Ddr& port : ddr_) port.observe();
        const bool sent = core_->s_tvalid && core_->s_tready;
        if (now_ && now_->counts) observe(*now_);
        tick();
        clock_++;
        if (now_ && sent) {
            now_->next_byte++;
            now_->holds = false;
        }
    }

    void observe(Run& run) {
        if (core_->running) run.layer.clocks++;
        run.layer.events += __builtin_popcount(core_->trace_events);
        if (core_->trace_fire) {
            run.layer.fired++;
            if (run.record) put(run.fired, core_->trace_fired);
        }
        if (core_->trace_store) {
            run.layer.stored++;
            if (run.record) put(run.stored, core_->trace_stored);
        }
        if (core_->trace_layer_end) {
            put(run.layer_file, run.layer);
            run.layer = LayerCounts();
            run.next_layer = core_->trace_layer + 1 == run.layers ? 0 : run.next_layer + 1;
            run.silence = 0;
        }
        if (core_->m_tvalid && core_->m_tready) {
            put(run.results, static_cast<int32_t>(core_->m_tdata));
            const bool last = ++run.received % run.outputs == 0;
            if (last != static_cast<bool>(core_->m_tlast)) fail("tlast is wrong");
            if (last) put(run.results, static_cast<int64_t>(core_->cycles));
        }
    }

    bool pause() { return pauses_ && (random_() & 3) == 0; }

    void tick() {
        core_->clk = 1;
        core_->eval();
        core_->clk = 0;
        core_->eval();
    }

    VerilatedContext context_;
    std::unique_ptr<Vsystem> core_;
    std::unique_ptr<Run> now_;
    std::mt19937 random_;
    bool pauses_ = false;
    uint64_t clock_ = 0;
    uint32_t data_ = 0;
    std::deque<Ddr> ddr_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) fail("usage: Vsystem SCRIPT");
    std::ifstream script(argv[1]);
    if (!script) fail("cannot read the script");
    Bench bench;
    for (std::string line; std::getline(script, line);)
        if (!line.empty()) bench.command(line);
    bench.end();
    return 0;
}
