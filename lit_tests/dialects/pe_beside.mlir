// RUN: snn-opt %s -p event-schedule,verify-pe-schedule | filecheck %s
// RUN: snn-opt %s -p event-schedule,event-schedule,verify-pe-schedule | filecheck %s
// RUN: snn-opt %s -p 'event-schedule,event-schedule{overlap=false},verify-pe-schedule' | filecheck %s --check-prefix ALONE
// RUN: snn-opt %s -p event-schedule,convert-pe-to-hw | filecheck %s --check-prefix HW
// RUN: snn-opt %s -p event-schedule | sed 's/beside ."a.1.store", "b.1.load"./beside ["b.0.load", "a.1.store", "b.1.load"]/' | not snn-opt -p verify-pe-schedule 2>&1 | filecheck %s --check-prefix READS
// RUN: snn-opt %s -p event-schedule | sed 's/ halves .16, 16.//' | not snn-opt -p verify-pe-schedule 2>&1 | filecheck %s --check-prefix ONE
// RUN: snn-opt %s -p event-schedule | sed '/"b.1" of/s/events = 24, capacity = 4, pointers = 24/events = 16, capacity = 4, pointers = 16/' | not snn-opt -p verify-pe-schedule 2>&1 | filecheck %s --check-prefix OVER
// RUN: snn-opt %s -p event-schedule | sed 's/"out" with/"out" beside ["out.load"] with/' | not snn-opt -p verify-pe-schedule 2>&1 | filecheck %s --check-prefix LAST
// RUN: snn-opt %s -p event-schedule | sed 's/beside ."b.0.store"./beside ["b.0.load"]/' | not snn-opt 2>&1 | filecheck %s --check-prefix NAMES
// RUN: snn-opt %s -p event-schedule | sed 's/halves .16, 16./halves [4, 4]/' | not snn-opt -p verify-pe-schedule 2>&1 | filecheck %s --check-prefix HALVES
// RUN: snn-opt %s -p event-schedule | sed 's/halves .16, 16./halves [5, 16]/' | not snn-opt 2>&1 | filecheck %s --check-prefix POWER

// Two layers in two bands, between them a map in DDR. While a band is computed, what the band before
// has made is stored and what the next one reads is loaded: a load stands in front of the layer op
// before the one that reads it, each row names the moves that may be under way beside it, and what
// bands read (from 0) and make (from 16) is in two memories. The first band of `b` needs rows that
// are stored by then; what the last layer loads is not, so it waits.
// CHECK:      pe.program @beside
// CHECK-SAME:   halves [16, 16]
// CHECK:        pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] place #pe.place<events = 16, capacity = 4, pointers = 16>
// CHECK:        pe.store "a.0.store"
// CHECK-NEXT:   pe.receive bits 4 rows [2, 4] label "a.1.input" beside ["a.0.store"]
// CHECK-NEXT:   pe.load "b.0.load", %{{.*}} row 0
// CHECK-NEXT:   pe.layer "a.1" of "a" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] beside ["a.0.store", "b.0.load"] place #pe.place<events = 24, capacity = 4, pointers = 24>
// CHECK:        pe.store "a.1.store"
// CHECK-NEXT:   pe.load "b.1.load", %{{.*}} row 2
// CHECK-NEXT:   pe.layer "b.0" of "b" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] beside ["a.1.store", "b.1.load"] place #pe.place<events = 16, capacity = 4, pointers = 16>
// CHECK:        pe.store "b.0.store"
// CHECK-NEXT:   pe.layer "b.1" of "b" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] beside ["b.0.store"] place #pe.place<events = 24, capacity = 4, pointers = 24>
// CHECK:        pe.store "b.1.store"
// CHECK-NEXT:   pe.load "out.load"
// CHECK-NEXT:   pe.layer "out" with @keep steps 4 pixels [4, 4] {

// ALONE-NOT:  halves
// ALONE-NOT:  beside [
// ALONE:      pe.layer "b.0"
// ALONE:      pe.load "b.1.load"
// ALONE-NEXT: pe.layer "b.1"

// Each memory has its own ports, which the mover takes where its address lies in it.
// HW-LABEL: hw.module @bank0(
// HW-SAME:    in %move_we: i1
// HW-SAME:    in %move_reads: i1
// HW-SAME:    out found: i6
// HW:         hw.instance "events0"
// HW:         hw.instance "events1"
// HW:       hw.module @mover(
// HW:         hw.instance "moves"

// READS: b.0: 'b.0.load' cannot run beside it: it reads what is loaded
// ONE: a.1: 'a.0.store' cannot run beside it: it reads from the same half
// OVER: b.1: 'b.0.store' cannot run beside it: it writes over what is stored
// LAST: out: 'out.load' cannot run beside it: it reads what is loaded
// NAMES: are not the last moves in front of the step
// HALVES: does not lie within one half of the memories
// POWER: halves are two powers of two
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
pe.program @beside array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %a = pe.buffer "a" : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %b = pe.buffer "b" : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x0 = pe.receive bits 4 rows [0, 4] label "a.0.input" : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a0 = pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x0 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.0.store", %a0, %a row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x1 = pe.receive bits 4 rows [2, 4] label "a.1.input" : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a1 = pe.layer "a.1" of "a" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x1 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.1.store", %a1, %a row 2 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %l0 = pe.load "b.0.load", %a row 0 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  %b0 = pe.layer "b.0" of "b" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %l0 bounds [2, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "b.0.store", %b0, %b row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %l1 = pe.load "b.1.load", %a row 2 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  %b1 = pe.layer "b.1" of "b" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %l1 bounds [2, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "b.1.store", %b1, %b row 2 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %all = pe.load "out.load", %b row 0 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x4x4, rate, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %all bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}
