// The DDR behind the AXI4 port through which feature maps are moved: reads and writes, in order.

#ifndef SNNIR_MAPS_PORT_H
#define SNNIR_MAPS_PORT_H

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "verilated.h"

struct MapsOptions {
    uint64_t bytes = 0;          // of the memory between base and limit
    int64_t latency = 1, rate = 256;
    unsigned pauses = 0;         // other than 0, a seed of random pauses
    int64_t read_fault = -1;     // the beat that is answered with `answer`
    int64_t write_fault = -1;    // the burst that is
    unsigned answer = 2;
    int64_t reset = 0;           // clocks behind which all is reset once
};

// A fixed latency from a request to its first beat, and from a written burst to its answer; a
// bandwidth for each direction.
template <typename Core>
class MapsPort {
public:
    static const uint32_t kBase = 0x20000000;

    explicit MapsPort(const MapsOptions& options)
        : options_(options), random_(options.pauses + 77), memory_(options.bytes, 0xAA) {}

    void drive(Core* core) {
        clock_++;
        core->maps_base = kBase;
        core->maps_limit = kBase + static_cast<uint32_t>(options_.bytes);
        refill(read_credit_, reads_.empty());
        core->m_axi_maps_arready = !pause();
        if (!offers_ && !reads_.empty() && reads_.front().first <= clock_ && read_credit_ >= 256)
            offers_ = !pause();
        core->m_axi_maps_rvalid = offers_;
        uint64_t data = 0xAAAAAAAAAAAAAAAAull;
        core->m_axi_maps_rlast = 0;
        if (offers_) {
            std::memcpy(&data, memory_.data() + reads_.front().address, 8);
            core->m_axi_maps_rlast = reads_.front().beats == 1;
        }
        core->m_axi_maps_rdata = data;
        core->m_axi_maps_rresp = offers_ && beat_ == options_.read_fault ? options_.answer : 0;

        refill(write_credit_, writes_.empty());
        core->m_axi_maps_awready = !pause();
        core->m_axi_maps_wready = write_credit_ >= 256 && !pause();
        if (!answers_ && !writes_.empty() && writes_.front().beats == 0 &&
            writes_.front().first <= clock_)
            answers_ = !pause();
        core->m_axi_maps_bvalid = answers_;
        core->m_axi_maps_bresp = answers_ && burst_ == options_.write_fault ? options_.answer : 0;
    }

    // Behind the core's eval(): what is handed over in this clock. Why it is wrong, or null.
    const char* observe(Core* core) {
        if (core->m_axi_maps_rvalid && core->m_axi_maps_rready) {
            offers_ = false;
            read_credit_ -= 256;
            beat_++;
            read_beats_++;
            reads_.front().address += 8;
            if (--reads_.front().beats == 0) reads_.pop_front();
        }
        if (core->m_axi_maps_bvalid && core->m_axi_maps_bready) {
            answers_ = false;
            burst_++;
            writes_.pop_front();
        }
        // A beat belongs to the first burst that is not complete; one without a burst is wrong.
        if (core->m_axi_maps_wvalid && core->m_axi_maps_wready) {
            Burst* burst = nullptr;
            for (Burst& one : writes_)
                if (one.beats > 0) { burst = &one; break; }
            if (burst == nullptr) return "data is written that belongs to no burst";
            if ((burst->beats == 1) != static_cast<bool>(core->m_axi_maps_wlast))
                return "wlast is not where a burst ends";
            const uint64_t data = core->m_axi_maps_wdata;
            std::memcpy(memory_.data() + burst->address, &data, 8);
            burst->address += 8;
            write_credit_ -= 256;
            written_beats_++;
            if (--burst->beats == 0) burst->first = clock_ + options_.latency;
        }
        if (const char* wrong = request(core->m_axi_maps_arvalid, core->m_axi_maps_arready,
                                        core->m_axi_maps_araddr, core->m_axi_maps_arlen,
                                        asked_read_, reads_, options_.latency))
            return wrong;
        return request(core->m_axi_maps_awvalid, core->m_axi_maps_awready,
                       core->m_axi_maps_awaddr, core->m_axi_maps_awlen, asked_write_, writes_, 0);
    }

    // Nothing is under way, and the memory holds anything.
    void reset() {
        reads_.clear();
        writes_.clear();
        memory_.assign(memory_.size(), 0xAA);
        read_credit_ = write_credit_ = 256;
        beat_ = burst_ = 0;
        asked_read_ = asked_write_ = 0;
        offers_ = answers_ = false;
    }

    size_t open(const Core* core) const {
        return reads_.size() + writes_.size() + core->m_axi_maps_arvalid + core->m_axi_maps_awvalid;
    }
    int64_t read_bytes() const { return 8 * read_beats_; }
    int64_t written_bytes() const { return 8 * written_beats_; }

private:
    struct Burst {
        int64_t first;  // the clock from which it is answered
        uint64_t address;
        int beats;
    };

    bool pause() { return options_.pauses && (random_() & 3) == 0; }

    void refill(int64_t& credit, bool idle) {
        if (idle) credit = 256;
        else if (credit < 256) credit += options_.rate;
    }

    const char* request(bool valid, bool ready, uint32_t address, unsigned length, uint64_t& asked,
                        std::deque<Burst>& bursts, int64_t latency) {
        if (asked && (!valid || address != asked)) return "a request is taken back";
        asked = valid && !ready ? address : 0;
        if (!valid || !ready) return nullptr;
        const uint64_t first = address - uint64_t{kBase}, bytes = 8 * (length + 1);
        if (address < kBase || first + bytes > options_.bytes)
            return "a request lies outside of the maps";
        if (address / 4096 != (address + bytes - 1) / 4096) return "a burst crosses a page";
        bursts.push_back({clock_ + latency, first, static_cast<int>(length) + 1});
        return nullptr;
    }

    const MapsOptions& options_;
    std::mt19937 random_;
    std::vector<uint8_t> memory_;
    std::deque<Burst> reads_, writes_;
    int64_t clock_ = 0, read_credit_ = 256, write_credit_ = 256, beat_ = 0, burst_ = 0;
    int64_t read_beats_ = 0, written_beats_ = 0;
    uint64_t asked_read_ = 0, asked_write_ = 0;
    bool offers_ = false, answers_ = false;
};

#endif
