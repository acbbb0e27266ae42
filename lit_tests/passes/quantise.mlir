// RUN: snn-opt %s --split-input-file -p 'quantise{rounding=minmax}' | filecheck %s
// RUN: snn-opt %s --split-input-file -p 'quantise{rounding=minmax weight-bits=3 fraction=2}' | filecheck %s --check-prefix=THREE

// A pixel step is worth 0.5, so the weights per step are 6.35 and -3.175: their unit is 0.05 and
// they become 127 and -64. A full train of 2 steps stands for 3 * 12.7, a spike of least weight for
// 12.7 = 254 units; the bias 1.0 is 20 units.

// CHECK-LABEL: func.func @dense
// CHECK:         snn.dense %in weight_bits 8 weights dense<{{\[\[}}127, -64]]> : tensor<1x2xi8>
// CHECK-NEXT:    snn.fire {{.*}} fraction 0 acc_bits 8 membrane_bits 16 unit array<f64: 12.69{{.*}}> params {theta = dense<254> : tensor<1xi32>, bias = dense<20> : tensor<1xi32>}

// The readout's potential counts 12.7 / 127 = 0.1 each.

// CHECK:         snn.readout {{.*}} name "out" fraction 0 acc_bits 8 membrane_bits 10 scale array<f64: {{0\.0999.*}}>

// With 3 bits the largest weight is 3 units; two fraction bits count thresholds in quarters.

// THREE:         snn.dense %in weight_bits 3 weights dense<{{\[\[}}3, -2]]> : tensor<1x2xi8>
// THREE-NEXT:    snn.fire {{.*}} fraction 2 acc_bits 3 {{.*}} params {theta = dense<24> : tensor<1xi32>, bias = dense<2> : tensor<1xi32>}
func.func @dense(%image: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 0.5, 0.5> : tensor<1x2xf32> -> !snn.train<2x1x1, direct, 8>
  %c = snn.dense %in weights dense<[[12.7, -6.4]]> : tensor<1x2xf32> : !snn.train<2x1x1, direct, 8> -> !snn.current<1x1x1, direct, 8>
  %t = snn.fire %c with @radix name "d" bias dense<1.0> : tensor<1xf32> threshold dense<38.1> : tensor<1xf32> : !snn.current<1x1x1, direct, 8> -> !snn.train<1x1x1, radix, 2>
  %d = snn.dense %t weights dense<[[1.0]]> : tensor<1x1xf32> : !snn.train<1x1x1, radix, 2> -> !snn.current<1x1x1, radix, 2>
  %out = snn.readout %d with @readout_radix name "out" : !snn.current<1x1x1, radix, 2> -> tensor<1x1xf32>
  func.return %out : tensor<1x1xf32>
}
snn.neuron @radix after state ["v"] params ["theta", "bias"] start {
^bb0(%theta: i64, %bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %theta: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %twice = arith.shli %v, %one : i64
  %sum = arith.addi %twice, %i : i64
  snn.yield %sum : i64
} settle {
^bb0(%v: i64, %theta: i64, %bias: i64):
  %sum = arith.addi %v, %bias : i64
  %one = arith.constant 1 : i64
  %half = arith.shrsi %theta, %one : i64
  %all = arith.addi %sum, %half : i64
  snn.yield %all : i64
} fire {
^bb0(%v: i64, %theta: i64, %bias: i64, %left: i64):
  %level = arith.shli %theta, %left : i64
  %spike = arith.cmpi sge, %v, %level : i64
  %less = arith.subi %v, %level : i64
  %rest = arith.select %spike, %less, %v : i64
  snn.yield %rest, %spike : i64, i1
}
snn.neuron @readout_radix none state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %twice = arith.shli %v, %one : i64
  %sum = arith.addi %twice, %i : i64
  snn.yield %sum : i64
} settle {
^bb0(%v: i64, %bias: i64):
  %sum = arith.addi %v, %bias : i64
  snn.yield %sum : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}

// -----

// Branches that meet share a unit, the convolution's (0.01 at 127 levels); the identity is worth
// 1.0 per spike and becomes 100 of these, with as many bits as that takes. The zero point 128 of
// the input is a current of 127 * 128, which the bias takes away again.

// CHECK-LABEL: func.func @joined
// CHECK:         snn.conv %in weight_bits 8 weights dense<127>
// CHECK-NEXT:    snn.fire {{.*}} name "first" {{.*}}bias = dense<-16256>
// CHECK:         snn.conv {{.*}} weight_bits 8 weights dense<127>
// CHECK-NEXT:    snn.one_to_one {{.*}} weight_bits 8 weights dense<100>
// CHECK:         snn.fire {{.*}} name "add" fraction {{[0-9]+}} acc_bits 9
func.func @joined(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> zero array<f64: 128.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 8>
  %c = snn.conv %in weights dense<1.27> : tensor<1x1x1x1xf32> : !snn.train<1x2x2, direct, 8> -> !snn.current<1x2x2, direct, 8>
  %t = snn.fire %c with @same name "first" threshold dense<15.0> : tensor<1xf32> : !snn.current<1x2x2, direct, 8> -> !snn.train<1x2x2, radix, 4>
  %d = snn.conv %t weights dense<1.27> : tensor<1x1x1x1xf32> : !snn.train<1x2x2, radix, 4> -> !snn.current<1x2x2, radix, 4>
  %i = snn.one_to_one %t weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 4> -> !snn.current<1x2x2, radix, 4>
  %a = snn.add %d, %i : !snn.current<1x2x2, radix, 4>, !snn.current<1x2x2, radix, 4> -> !snn.current<1x2x2, radix, 4>
  %u = snn.fire %a with @same name "add" threshold dense<30.0> : tensor<1xf32> : !snn.current<1x2x2, radix, 4> -> !snn.train<1x2x2, radix, 4>
  %o = snn.one_to_one %u weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 4> -> !snn.current<1x2x2, radix, 4>
  %out = snn.readout %o with @sum name "out" : !snn.current<1x2x2, radix, 4> -> tensor<1x1x2x2xf32>
  func.return %out : tensor<1x1x2x2xf32>
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
