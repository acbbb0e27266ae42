// RUN: snn-opt %s -p event-schedule | filecheck %s
// RUN: snn-opt %s -p 'event-schedule{reuse=false}' | filecheck %s --check-prefix APART
// RUN: snn-opt %s -p 'event-schedule{target=none}' | filecheck %s
// RUN: snn-opt %s -p event-schedule,event-schedule,verify-pe-schedule | filecheck %s
// RUN: snn-opt %s -p 'event-schedule{weights=stream},verify-pe-schedule' | filecheck %s --check-prefixes CHECK,STREAM
// RUN: snn-opt %s -p 'event-schedule{weights=stream},event-schedule{weights=onchip}' | filecheck %s --check-prefix ONCHIP
// RUN: snn-opt %s -p 'event-schedule{position-bits=1},verify-pe-schedule' | filecheck %s --check-prefix NARROW
// RUN: snn-opt %s -p 'event-schedule{weights=stream batch=3 shared-from=b},verify-pe-schedule' | filecheck %s --check-prefix BATCH
// RUN: snn-opt %s -p 'event-schedule{weights=stream batch=3},verify-pe-schedule' | filecheck %s --check-prefix WHOLE
// RUN: snn-opt %s -p 'event-schedule{weights=stream batch=3},event-schedule{batch=1},verify-pe-schedule' | filecheck %s --check-prefix STREAM

// A row of the image has up to 2 events in a bank, one of "a" 4. Layer "a" writes its 8 rows from
// address 0 upwards while it reads the image from 26 on: its last row, 28 to 31, is written when
// only the last row of the image's first word, 32 and 33, is still read. "a" is read by "b" and
// by the readout and keeps its place, so "b" is written where the image was. Equal weights are kept
// once, of the two streams of "a" as of "a" and the readout; so are equal parameters.

// Weights that come from DDR have the same addresses: they count in the stream.
// STREAM:     pe.program @net array #pe.array<{{.*}}> ring 512 {
// ONCHIP:     pe.program @net array #pe.array<{{.*}}fifo = 4, drain = 1> {

// Three images together: "a" runs for one after another, "b" and the readout take each weight tile
// once. Each image keeps "a" and "b", behind the words of the one that is being received.
// BATCH:      pe.program @net {{.*}} ring 512 batch 3 image_stride [40, 48] {
// BATCH-NOT:  shared
// BATCH:      pe.layer "a" {{.*}} pixels [4, 4] place #pe.place<events = 16,
// BATCH:      pe.layer "b" {{.*}} pixels [4, 4] shared place #pe.place<events = 48,
// BATCH:      pe.layer "out" {{.*}} shared {
// The memories hold the maps of three whole images, so every layer can share.
// WHOLE:      pe.program @net {{.*}} batch 3 image_stride [42, 52] {
// WHOLE:      pe.layer "a" {{.*}} shared place #pe.place<events = 0,

// A run of one pixel has its events at one or two neighbouring positions, which a bit tells apart;
// without being asked, positions are cut where that takes less block RAM only.
// NARROW:     pe.program @net array #pe.array<{{.*}}> position_bits 1 {

// CHECK:      pe.receive bits 8 places [#pe.place<events = 26, capacity = 2, pointers = 20>, #pe.place<events = 34, capacity = 2, pointers = 36>]
// CHECK-NEXT: pe.layer "a" {{.*}} place #pe.place<events = 0, capacity = 4, pointers = 0>
// CHECK-NEXT:   pe.tile channels [0, 2] weights_at 0 params_at 0
// CHECK:        pe.tile channels [2, 1] weights_at 1 params_at 2
// CHECK:      pe.layer "b" {{.*}} place #pe.place<events = 32, capacity = 2, pointers = 32>
// CHECK-NEXT:   pe.tile channels [0, 1] weights_at 2 params_at 2
// CHECK:      pe.layer "out"
// CHECK-NOT:    place
// A stream brings every tile's rows in their turn, so there the readout has rows of its own.
// CHECK:        pe.tile channels [0, 1] weights_at {{0|3}} params_at 2

// Nothing is overwritten: every map can be looked at behind the last layer.
// APART: pe.layer "a" {{.*}} place #pe.place<events = 16, capacity = 4, pointers = 32>
// APART: pe.layer "b" {{.*}} place #pe.place<events = 48, capacity = 2, pointers = 64>
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
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %a = pe.layer "a" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %high shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %high shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x1x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x1x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, rate, 4, block 2, pitch 2>
  %b = pe.layer "b" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %a bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<3x4x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.map<1x4x4, rate, 4, block 2, pitch 1>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %a bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<3x4x4, rate, 4, block 2, pitch 2>
      pe.stream %b bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x4x4, rate, 4, block 2, pitch 1>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}
