// RUN: snn-opt %s -p verify-pe-schedule | filecheck %s

// A program that keeps its promises comes out as it went in: 4 taps of weight 1 and a word that counts
// 16 times as much reach 68, which 8 bits hold.

// CHECK: pe.program @net
// CHECK: pe.stream %high shift 4
snn.neuron @keep none state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}
