// RUN: snn-opt %s -p 'event-schedule{overlap=false},verify-pe-schedule' | filecheck %s
// RUN: snn-opt %s -p 'event-schedule{weights=stream overlap=false},verify-pe-schedule' | filecheck %s --check-prefixes CHECK,STREAM
// RUN: snn-opt %s -p 'event-schedule{weights=stream},event-schedule{weights=onchip}' | filecheck %s --check-prefix ONCHIP
// RUN: not snn-opt %s -p 'event-schedule{weights=stream batch=2}' 2>&1 | filecheck %s --check-prefix BATCH
// RUN: snn-opt %s -p event-schedule,convert-pe-to-hw | filecheck %s --check-prefix HW
// RUN: snn-opt %s -p 'event-schedule{weights=stream},convert-pe-to-hw' | filecheck %s --check-prefixes HW,BOTH
// RUN: not snn-opt %s -p 'event-schedule{weights=stream},convert-pe-to-hw{machine=auto}' 2>&1 | filecheck %s --check-prefix MACHINE
// MACHINE: a machine for many programs keeps all feature maps on the chip
// BATCH: batch=2 needs all feature maps on the chip, some are in DDR; use maps=onchip, or batch=1

// The top level is an AXI4 master for reads and writes, and asks for nothing outside of its limits.
// HW-LABEL: hw.module @snnir_top(
// HW-SAME:    in %m_axi_maps_arready: i1
// HW-SAME:    in %m_axi_maps_bvalid: i1
// HW-SAME:    in %maps_base: i32
// HW-SAME:    in %maps_limit: i32
// BOTH-SAME:  in %m_axi_rdata: i64
// BOTH-SAME:  in %weights_base: i32
// HW-SAME:    out m_axi_maps_awaddr: i32
// HW-SAME:    out m_axi_maps_wdata: i64
// HW-SAME:    out m_axi_maps_wstrb: i8
// HW-SAME:    out status: i4
// HW:       hw.module @mover(

// A map in DDR, in two bands. A row of it is 4 pointer entries and 4 events from each bank, which take
// 8 beats, in a burst of 128 bytes. Both bands use the same words of the chip's memories, and the same
// weights and parameters; only weights that come from DDR come for each band again.
// CHECK:      pe.program @bands
// CHECK-NEXT:   pe.buffer "a" at 0 row_bytes 128 :
// CHECK-NEXT:   pe.receive bits 4 rows [0, 4] label "a.0.input" places [#pe.place<events = [[E:.*]], capacity = 2, pointers = [[P:.*]]>]
// CHECK:        pe.tile channels [0, 2] weights_at 0 params_at 0
// CHECK:        pe.receive bits 4 rows [2, 4] label "a.1.input" places [#pe.place<events = [[E]], capacity = 2, pointers = [[P]]>]
// STREAM:       pe.tile channels [0, 2] weights_at 1 params_at 0
// CHECK:        pe.load "out.load", %{{.*}} row 0 place #pe.place<events = 0, capacity = 4, pointers = 0>
// ONCHIP:     pe.layer "a.1"
// ONCHIP-NEXT:  pe.tile channels [0, 2] weights_at 0
snn.neuron @keep causal state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64, %bias: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %zero = arith.constant 0 : i64
  %spike = arith.cmpi sgt, %v, %zero : i64
  snn.yield %zero, %spike : i64, i1
}
pe.program @bands array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %ddr = pe.buffer "a" : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x0 = pe.receive bits 4 rows [0, 4] label "a.0.input" : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a0 = pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x0 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.0.store", %a0, %ddr row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x1 = pe.receive bits 4 rows [2, 4] label "a.1.input" : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a1 = pe.layer "a.1" of "a" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x1 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.1.store", %a1, %ddr row 2 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %a = pe.load "out.load", %ddr row 0 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x4x4, rate, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %a bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}
