// RUN: python %S/../passes/Inputs/calibration.py %t.npz
// RUN: snn-opt %s -p 'quantise{weight-bits=2 calibration=%t.npz.equal}' | filecheck %s
// RUN: snn-opt %s -p 'quantise{weight-bits=2 rounding=gptq calibration=%t.npz.equal}' | filecheck %s
// RUN: snn-opt %s -p 'quantise{weight-bits=2 rounding=mse correction=bias calibration=%t.npz.equal}' | filecheck %s --check-prefix=MSE
// RUN: snn-opt %s -p 'quantise{weight-bits=2 rounding=mse correction=none calibration=%t.npz.equal}' | filecheck %s --check-prefix=RAW
// RUN: snn-opt %s -p 'quantise{weight-bits=2 rounding=mse calibration=%t.npz.equal}' | filecheck %s --check-prefix=AFFINE
// RUN: snn-opt %s -p 'quantise{weight-bits=2 rounding=gptq correction=none}' | filecheck %s --check-prefix=RAW

// The three pixels are always equal, as the calibration images show, so that only the sum of their
// weights matters: 1.6, which is nearer to 2 than to 1. The last weight makes up for the one before.

// CHECK:      snn.dense %in weight_bits 2 weights dense<{{\[\[}}1, 0, 1]]> : tensor<1x3xi8>

// Each weight by itself is nearest to 1, 0, 0. The mean pixel is 5, so 0.6 * 5 is missing in the mean;
// the bias takes it back.

// MSE:        snn.dense %in weight_bits 2 weights dense<{{\[\[}}1, 0, 0]]> : tensor<1x3xi8>
// MSE-NEXT:   snn.fire {{.*}} fraction 6 {{.*}} params {theta = dense<64> : tensor<1xi32>, bias = dense<192> : tensor<1xi32>}
// A unit of 1.6 says the same better: it is right for every pixel. 128 / 1.6 is 80.

// AFFINE:      snn.dense %in weight_bits 2 weights dense<{{\[\[}}1, 0, 0]]> : tensor<1x3xi8>
// AFFINE-NEXT: snn.fire {{.*}} params {theta = dense<80> : tensor<1xi32>, bias = dense<0> : tensor<1xi32>}

// RAW:        snn.dense %in weight_bits 2 weights dense<{{\[\[}}1, 0, 0]]> : tensor<1x3xi8>
// RAW-NEXT:   snn.fire {{.*}} bias = dense<0> : tensor<1xi32>}
func.func @equal(%image: tensor<1x3xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0, 1.0, 1.0> : tensor<1x3xf32> -> !snn.train<3x1x1, direct, 4>
  %c = snn.dense %in weights dense<[[1.0, 0.3, 0.3]]> : tensor<1x3xf32> : !snn.train<3x1x1, direct, 4> -> !snn.current<1x1x1, direct, 4>
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
