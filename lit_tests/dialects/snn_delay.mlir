// RUN: %roundtrip
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2}' | filecheck %s --check-prefix PE

// A filter over a window of three steps: three synapses of one train, each a step later than the one
// before, whose currents meet. A spike in the last step comes too late for the others.

// CHECK-LABEL: func.func @window
// CHECK: snn.dense %input weight_bits 4 weights dense<3>
// CHECK: snn.dense %input delay 1 weight_bits 4 weights dense<2>
// CHECK: snn.dense %input delay 2 weight_bits 4 weights dense<1>

// On the machine each is a stream of the same map, with weight rows of its own.
// PE: %[[MAP:.*]] = pe.receive bits 4
// PE: pe.stream %[[MAP]] bounds [1, 1] advance {{.*}} weights dense<3> : tensor<2x2x2xi8>
// PE-NEXT: pe.stream %[[MAP]] delay 1 bounds [1, 1] {{.*}} weights dense<2>
// PE-NEXT: pe.stream %[[MAP]] delay 2 bounds [1, 1] {{.*}} weights dense<1>
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
  %input = snn.encode %image scale array<f64: 1.0, 1.0, 1.0, 1.0> : tensor<1x4xf32> -> !snn.train<4x1x1, rate, 4>
  %a = snn.dense %input weight_bits 4 weights dense<3> : tensor<2x4xi8> : !snn.train<4x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %b = snn.dense %input delay 1 weight_bits 4 weights dense<2> : tensor<2x4xi8> : !snn.train<4x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %c = snn.dense %input delay 2 weight_bits 4 weights dense<1> : tensor<2x4xi8> : !snn.train<4x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %sum = snn.add %a, %b, %c : !snn.current<2x1x1, rate, 4>, !snn.current<2x1x1, rate, 4>, !snn.current<2x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %out = snn.readout %sum with @sum name "out" fraction 0 acc_bits 6 membrane_bits 8 scale array<f64: 1.0, 1.0> params {bias = dense<0> : tensor<2xi32>} : !snn.current<2x1x1, rate, 4> -> tensor<1x2xf32>
  func.return %out : tensor<1x2xf32>
}
