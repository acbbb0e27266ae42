// RUN: snn-opt %s --split-input-file -p equalise | filecheck %s
// RUN: snn-opt %s --split-input-file -p 'equalise{rounds=1}' | filecheck %s

// Channel 0 is made with weight 8 and read with 0.5: divided and multiplied by 4, both are 2. Channel
// 1 is made with 0.5 and read with 2: both become 1. Nothing drives channel 2, which stays; its bias
// stays too.

// CHECK-LABEL: func.func @alike
// CHECK:         snn.dense %in weights dense<{{\[\[}}2.000000e+00], [1.000000e+00], [0.000000e+00]]> : tensor<3x1xf32>
// CHECK-NEXT:    snn.fire {{.*}} name "first" bias dense<[1.000000e+00, 2.000000e+00, 3.000000e+00]> : tensor<3xf32>
// CHECK-NEXT:    snn.dense {{.*}} weights dense<{{\[\[}}2.000000e+00, 1.000000e+00, 7.000000e+00]]> : tensor<1x3xf32>
func.func @alike(%image: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1xf32> -> !snn.train<1x1x1, direct, 4>
  %c = snn.dense %in weights dense<[[8.0], [0.5], [0.0]]> : tensor<3x1xf32> : !snn.train<1x1x1, direct, 4> -> !snn.current<3x1x1, direct, 4>
  %t = snn.fire %c with @same name "first" bias dense<[4.0, 1.0, 3.0]> : tensor<3xf32> : !snn.current<3x1x1, direct, 4> -> !snn.train<3x1x1, radix, 4>
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

// -----

// A ceiling is a real value of all channels: a factor would move it.

// CHECK-LABEL: func.func @ceiling
// CHECK:         snn.dense %in weights dense<{{\[\[}}8.000000e+00], [5.000000e-01], [0.000000e+00]]> : tensor<3x1xf32>
func.func @ceiling(%image: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1xf32> -> !snn.train<1x1x1, direct, 4>
  %c = snn.dense %in weights dense<[[8.0], [0.5], [0.0]]> : tensor<3x1xf32> : !snn.train<1x1x1, direct, 4> -> !snn.current<3x1x1, direct, 4>
  %t = snn.fire %c with @same name "first" ceiling 6.0 bias dense<[4.0, 1.0, 3.0]> : tensor<3xf32> : !snn.current<3x1x1, direct, 4> -> !snn.train<3x1x1, radix, 4>
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
