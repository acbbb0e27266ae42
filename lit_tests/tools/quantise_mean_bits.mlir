// RUN: python %S/../passes/Inputs/calibration.py %t.npz
// RUN: snn-opt %s -p 'quantise{weight-bits=5 mean-bits=4.6 calibration=%t.npz.equal}' | filecheck %s
// RUN: snn-opt %s -p 'quantise{weight-bits=5 mean-bits=4.6 calibration=%t.npz.equal}' | snn-opt -p verify-snn-integer | filecheck %s
// RUN: not snn-opt %s -p 'quantise{mean-bits=4}' 2>&1 | filecheck %s --check-prefix=DATA

// Four weights have 18 bits, 4.5 each. The lone weight of the second layer is exact with any bits, so
// it is narrowed first; what is left goes to the three of the first layer. Of each layer it is written
// down how many weights it has, and what share of the currents' variance rounding takes with 2, 3, 4
// and 5 bits.

// CHECK:      snn.dense %in weight_bits 5
// CHECK-NEXT: snn.fire {{.*}} {by_bits = {weights = 3 : i64, errors = array<f64: 0.10{{.*}}, 0.00{{.*}}, 0.00{{.*}}, 0.00{{.*}}>{{}}}
// CHECK-NEXT: snn.dense %t weight_bits 3 weights dense<3> : tensor<1x1xi8>
// CHECK-NEXT: snn.readout {{.*}} {by_bits = {weights = 1 : i64, errors = array<f64: 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00>{{}}}
// DATA: mean-bits needs calibration data, to measure what each bit is worth
func.func @budget(%image: tensor<1x3xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0, 1.0, 1.0> : tensor<1x3xf32> -> !snn.train<3x1x1, direct, 4>
  %c = snn.dense %in weights dense<[[1.0, 0.31, 0.17]]> : tensor<1x3xf32> : !snn.train<3x1x1, direct, 4> -> !snn.current<1x1x1, direct, 4>
  %t = snn.fire %c with @same name "d" threshold dense<15.0> : tensor<1xf32> : !snn.current<1x1x1, direct, 4> -> !snn.train<1x1x1, radix, 4>
  %d = snn.dense %t weights dense<[[1.0]]> : tensor<1x1xf32> : !snn.train<1x1x1, radix, 4> -> !snn.current<1x1x1, radix, 4>
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
