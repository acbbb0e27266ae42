// RUN: %roundtrip
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2}' | filecheck %s --check-prefix PE
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2},event-schedule,verify-pe-schedule' | filecheck %s --check-prefix PLACES

// A filter over a window of two steps, where a sample is any number of windows: what is late in the
// last step of one acts in the first step of the next.

// CHECK-LABEL: func.func @window
// CHECK: snn.encode %image windows 5
// CHECK: snn.dense %input delay 1 weight_bits 4 weights dense<2>

// On the machine the late synapse is two streams of the same weights, the second over the image of the
// window before, whose trains are a window late less 3 steps.
// Both never act in the same step: 4 * (3 + 2) is all that a step adds up to, in 6 bits.
// PE: acc_bits = 6, membrane_bits = 10
// PE: %[[MAP:.*]] = pe.receive bits 4
// PE: %[[PAST:.*]] = pe.previous "input" : !pe.map
// PE: pe.stream %[[MAP]] bounds [1, 1] advance {{.*}} weights dense<3>
// PE-NEXT: pe.stream %[[MAP]] delay 1 bounds [1, 1] {{.*}} weights dense<2>
// PE-NEXT: pe.stream %[[PAST]] delay -3 bounds [1, 1] {{.*}} weights dense<2>

// The image has two places, and the weights are there once.
// PLACES: window_stride [2, 1]
snn.neuron @sum none state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %sum = arith.addi %v, %i : i64
  snn.yield %sum : i64
} settle {
^bb0(%v: i64, %bias: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
func.func @window(%image: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %input = snn.encode %image windows 5 scale array<f64: 1.0, 1.0, 1.0, 1.0> : tensor<1x4xf32> -> !snn.train<4x1x1, rate, 4>
  %a = snn.dense %input weight_bits 4 weights dense<3> : tensor<2x4xi8> : !snn.train<4x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %b = snn.dense %input delay 1 weight_bits 4 weights dense<2> : tensor<2x4xi8> : !snn.train<4x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %sum = snn.add %a, %b : !snn.current<2x1x1, rate, 4>, !snn.current<2x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %out = snn.readout %sum with @sum name "out" fraction 0 acc_bits 6 membrane_bits 10 scale array<f64: 1.0, 1.0> params {bias = dense<0> : tensor<2xi32>} : !snn.current<2x1x1, rate, 4> -> tensor<1x2xf32>
  func.return %out : tensor<1x2xf32>
}
