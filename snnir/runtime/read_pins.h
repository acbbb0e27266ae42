// The pins of the AXI4 read ports of a core or a machine, SNNIR_STREAM of them.

#include <vector>

#include "verilated.h"

struct ReadPins {
    CData &arready, &rvalid, &rlast, &rresp, &arvalid, &arlen, &rready;
    IData& araddr;
    QData& rdata;
};

#define SNNIR_PINS(c, p)                                                                     \
    ReadPins {                                                                               \
        c->p##arready, c->p##rvalid, c->p##rlast, c->p##rresp, c->p##arvalid, c->p##arlen,   \
            c->p##rready, c->p##araddr, c->p##rdata                                          \
    }

template <typename Core>
std::vector<ReadPins> read_pins(Core* core) {
    return {
#if SNNIR_STREAM == 1
        SNNIR_PINS(core, m_axi_),
#else
        SNNIR_PINS(core, m_axi0_),
        SNNIR_PINS(core, m_axi1_),
#if SNNIR_STREAM == 4
        SNNIR_PINS(core, m_axi2_),
        SNNIR_PINS(core, m_axi3_),
#endif
#endif
    };
}
