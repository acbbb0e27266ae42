// RUN: %roundtrip

// A network before quantise: weights are float, thresholds are the activations of a full train.

// CHECK-LABEL: func.func @float_form
// CHECK: snn.encode %image scale array<f64: 5.000000e-01, {{.*}}> zero array<f64: 1.280000e+02, {{.*}}> pads [1, 1, 1, 1] : tensor<1x2x4x4xf32> -> !snn.train<2x6x6, direct, 8>
// CHECK: snn.conv %input weights dense<{{.*}}> : tensor<4x2x3x3xf32> : !snn.train<2x6x6, direct, 8> -> !snn.current<4x4x4, direct, 8>
// CHECK: snn.fire %c name "conv1" ceiling 6.0 bias dense<{{.*}}> : tensor<4xf32> threshold dense<{{.*}}> : tensor<1xf32> : !snn.current<4x4x4, direct, 8> -> !snn.train<4x4x4, radix, 4>
// CHECK: snn.max_pool %t kernel [2, 2] strides [2, 2] : !snn.train<4x4x4, radix, 4> -> !snn.train<4x2x2, radix, 4>
// CHECK: snn.conv %m pads [-1, 0, 0, -1] groups 4 weights
// CHECK: snn.sum_pool %m kernel [2, 2] : !snn.train<4x2x2, radix, 4> -> !snn.sum<4x1x1, radix, 4, 4>
// CHECK: snn.one_to_one %s weights dense<{{.*}}> : tensor<4xf32> : !snn.sum<4x1x1, radix, 4, 4> -> !snn.current<4x1x1, radix, 4>
// CHECK: snn.add %g, %o : !snn.current<4x1x1, radix, 4>, !snn.current<4x1x1, radix, 4> -> !snn.current<4x1x1, radix, 4>
// CHECK: snn.dense %u weights dense<{{.*}}> : tensor<3x4xf32>
// CHECK: snn.readout %d name "out" activation "softmax" : !snn.current<3x1x1, radix, 4> -> tensor<1x3xf32>
func.func @float_form(%image: tensor<1x2x4x4xf32>) -> tensor<1x3xf32> {
  %input = snn.encode %image scale array<f64: 0.5, 0.25> zero array<f64: 128.0, 128.0> pads [1, 1, 1, 1] : tensor<1x2x4x4xf32> -> !snn.train<2x6x6, direct, 8>
  %c = snn.conv %input weights dense<1.0> : tensor<4x2x3x3xf32> : !snn.train<2x6x6, direct, 8> -> !snn.current<4x4x4, direct, 8>
  %t = snn.fire %c name "conv1" ceiling 6.0 bias dense<0.5> : tensor<4xf32> threshold dense<3.0> : tensor<1xf32> : !snn.current<4x4x4, direct, 8> -> !snn.train<4x4x4, radix, 4>
  %m = snn.max_pool %t kernel [2, 2] strides [2, 2] : !snn.train<4x4x4, radix, 4> -> !snn.train<4x2x2, radix, 4>
  %g = snn.conv %m pads [-1, 0, 0, -1] groups 4 weights dense<1.0> : tensor<4x1x1x1xf32> : !snn.train<4x2x2, radix, 4> -> !snn.current<4x1x1, radix, 4>
  %s = snn.sum_pool %m kernel [2, 2] : !snn.train<4x2x2, radix, 4> -> !snn.sum<4x1x1, radix, 4, 4>
  %o = snn.one_to_one %s weights dense<2.5> : tensor<4xf32> : !snn.sum<4x1x1, radix, 4, 4> -> !snn.current<4x1x1, radix, 4>
  %a = snn.add %g, %o : !snn.current<4x1x1, radix, 4>, !snn.current<4x1x1, radix, 4> -> !snn.current<4x1x1, radix, 4>
  %u = snn.fire %a name "add1" : !snn.current<4x1x1, radix, 4> -> !snn.train<4x1x1, radix, 4>
  %d = snn.dense %u weights dense<1.0> : tensor<3x4xf32> : !snn.train<4x1x1, radix, 4> -> !snn.current<3x1x1, radix, 4>
  %out = snn.readout %d name "out" activation "softmax" : !snn.current<3x1x1, radix, 4> -> tensor<1x3xf32>
  func.return %out : tensor<1x3xf32>
}

// A neuron is its state and four regions of integer arithmetic; this one leaks.

// CHECK-LABEL: snn.neuron @leaky causal state ["v"] params ["theta"] start {
// CHECK:       } integrate {
// CHECK-NEXT:  ^bb0(%v: i64, %i: i64, %theta
// CHECK:         arith.shrsi %v
// CHECK:       } settle {
// CHECK:       } fire {
// CHECK:         %spike = arith.cmpi sge
// CHECK:         snn.yield {{.*}}, %spike : i64, i1
snn.neuron @leaky causal state ["v"] params ["theta"] start {
^bb0(%theta: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %theta: i64):
  %k = arith.constant 3 : i64
  %leak = arith.shrsi %v, %k : i64
  %rest = arith.subi %v, %leak : i64
  %sum = arith.addi %rest, %i : i64
  snn.yield %sum : i64
} settle {
^bb0(%v: i64, %theta: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %theta: i64, %left: i64):
  %spike = arith.cmpi sge, %v, %theta : i64
  %rest = arith.subi %v, %theta : i64
  %new = arith.select %spike, %rest, %v : i64
  snn.yield %new, %spike : i64, i1
}

// Behind quantise: integers, and the widths that were proven for them.

// CHECK-LABEL: func.func @integer_form
// CHECK: snn.dense %{{.*}} weight_bits 4 weights dense<7> : tensor<2x1xi8>
// CHECK: snn.fire %{{.*}} with @leaky name "d" fraction 2 acc_bits 4 membrane_bits 9 unit array<f64: {{.*}}> params {theta = dense<20> : tensor<2xi32>}
func.func @integer_form(%image: tensor<1x1xf32>) -> tensor<1x2xf32> {
  %input = snn.encode %image : tensor<1x1xf32> -> !snn.train<1x1x1, direct, 8>
  %c = snn.dense %input weight_bits 4 weights dense<7> : tensor<2x1xi8> : !snn.train<1x1x1, direct, 8> -> !snn.current<2x1x1, direct, 8>
  %t = snn.fire %c with @leaky name "d" fraction 2 acc_bits 4 membrane_bits 9 unit array<f64: 1.0, 1.0> params {theta = dense<20> : tensor<2xi32>} : !snn.current<2x1x1, direct, 8> -> !snn.train<2x1x1, rate, 4>
  %d = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<2xi8> : !snn.train<2x1x1, rate, 4> -> !snn.current<2x1x1, rate, 4>
  %out = snn.readout %d name "out" : !snn.current<2x1x1, rate, 4> -> tensor<1x2xf32>
  func.return %out : tensor<1x2xf32>
}

// -----

// Spikes come in as they are: the train is rate-coded, and nothing is encoded.

// CHECK-LABEL: func.func @spikes
// CHECK: snn.encode %events windows 3 scale array<f64: 1.000000e+00, {{.*}}> : tensor<1x2x4x4xf32> -> !snn.train<2x4x4, rate, 8>
func.func @spikes(%events: tensor<1x2x4x4xf32>) {
  %input = snn.encode %events windows 3 scale array<f64: 1.0, 1.0> : tensor<1x2x4x4xf32> -> !snn.train<2x4x4, rate, 8>
  func.return
}
