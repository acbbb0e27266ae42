// RUN: snn-opt %s --split-input-file --verify-diagnostics -p equalise
// RUN: not snn-opt %s -p 'equalise{rounds=0}' 2>&1 | filecheck %s --check-prefix=ROUNDS

// ROUNDS: rounds is 0, at least one is needed

func.func @balanced(%image: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1xf32> -> !snn.train<1x1x1, direct, 4>
  %c = snn.dense %in weights dense<[[8.0], [0.5], [0.0]]> : tensor<3x1xf32> : !snn.train<1x1x1, direct, 4> -> !snn.current<3x1x1, direct, 4>
  // expected-error @unknown {{the layer has a threshold, which would no longer fit; run equalise before threshold-balance}}
  %t = snn.fire %c with @same name "first" bias dense<[4.0, 1.0, 3.0]> : tensor<3xf32> threshold dense<3.0> : tensor<1xf32> : !snn.current<3x1x1, direct, 4> -> !snn.train<3x1x1, radix, 4>
  %d = snn.dense %t weights dense<[[0.5, 2.0, 7.0]]> : tensor<1x3xf32> : !snn.train<3x1x1, radix, 4> -> !snn.current<1x1x1, radix, 4>
  %out = snn.readout %d with @sum name "out" : !snn.current<1x1x1, radix, 4> -> tensor<1x1xf32>
  func.return %out : tensor<1x1xf32>
}
snn.neuron @same after state ["v"] params ["theta", "bias"] start {
^bb0(%theta: i64, %bias: i64):
  snn.yield %bias : i64
} integrate {
^bb0(%v: i64, %i: i64, %theta: i64, %bias: i64):
  %sum = arith.addi %v, %i : i64
  snn.yield %sum : i64
} settle {
^bb0(%v: i64, %theta: i64, %bias: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %theta: i64, %bias: i64, %left: i64):
  %spike = arith.cmpi sge, %v, %theta : i64
  snn.yield %v, %spike : i64, i1
}
snn.neuron @sum none state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  snn.yield %bias : i64
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
