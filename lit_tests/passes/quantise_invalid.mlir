// RUN: snn-opt %s --split-input-file --verify-diagnostics -p quantise
// RUN: not snn-opt %s -p 'quantise{weight-bits=9}' 2>&1 | filecheck %s --check-prefix=BITS
// RUN: not snn-opt %s -p 'quantise{fraction=17}' 2>&1 | filecheck %s --check-prefix=FRACTION
// RUN: not snn-opt %s -p 'quantise{rounding=up}' 2>&1 | filecheck %s --check-prefix=ROUNDING
// RUN: not snn-opt %s -p 'quantise{mean-bits=1.5}' 2>&1 | filecheck %s --check-prefix=MEAN

// BITS: weight-bits is 9, allowed are 2 to 8
// FRACTION: fraction is 17, allowed are 0 to 16
// MEAN: mean-bits is 1.5, allowed are 2 to 8
// ROUNDING: takes auto|minmax|mse|gptq, not 'up'

// expected-error @unknown {{the input has no scale; run threshold-balance first, or give convert-onnx-to-snn input-scale}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image  : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weights dense<1.27> : tensor<1xf32> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" threshold dense<3.0> : tensor<1xf32> : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// -----

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weights dense<1.27> : tensor<1xf32> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  // expected-error @below {{the layer has no threshold; run threshold-balance first}}
  %t = snn.fire %c with @same name "a" : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// -----

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weights dense<1.27> : tensor<1xf32> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  // expected-error @below {{thresholds must be positive}}
  %t = snn.fire %c with @same name "a" threshold dense<0.0> : tensor<1xf32> : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// -----

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  // expected-error @below {{the weights are integers already}}
  %t = snn.fire %c with @same name "a" threshold dense<3.0> : tensor<1xf32> : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// -----

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weights dense<1.27> : tensor<1xf32> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  // expected-error @below {{weights or biases are NaN or infinite}}
  %t = snn.fire %c with @same name "a" bias dense<"0x0000C07F"> : tensor<1xf32> threshold dense<3.0> : tensor<1xf32> : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// -----

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weights dense<1.27> : tensor<1xf32> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  // expected-error @below {{neuron none is not defined in the module}}
  %t = snn.fire %c name "a" threshold dense<3.0> : tensor<1xf32> : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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
