// RUN: snn-opt %s --split-input-file --verify-diagnostics -p verify-snn-integer

// expected-error @unknown {{membrane_bits is 10, the range analysis proves 11}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 acc_bits 8 membrane_bits 10 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{membrane_bits is 12, the range analysis proves 11}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 acc_bits 8 membrane_bits 12 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{acc_bits is missing, the range analysis proves 8}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 membrane_bits 11 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{a weight needs 8 bits, weight_bits is 7}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 7 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 acc_bits 8 membrane_bits 11 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{the weights are floats; run quantise}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 acc_bits 8 membrane_bits 11 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{the neuron's parameters are missing; run quantise}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{the float threshold is still there; run quantise}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 acc_bits 8 membrane_bits 11 threshold dense<1.0> : tensor<1xf32> params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{two layers are called 'a'}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 acc_bits 8 membrane_bits 11 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "a" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{neuron @other is not defined in the module}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @other name "a" fraction 1 acc_bits 8 membrane_bits 11 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{neuron @sum with emission 'none' does not fit}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @sum name "a" fraction 1 acc_bits 8 membrane_bits 11 params {bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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

// expected-error @unknown {{the input has no scale; run quantise}}

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image  : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, direct, 4> -> !snn.current<1x2x2, direct, 4>
  %t = snn.fire %c with @same name "a" fraction 1 acc_bits 8 membrane_bits 11 params {theta = dense<90> : tensor<1xi32>, bias = dense<5> : tensor<1xi32>} : !snn.current<1x2x2, direct, 4> -> !snn.train<1x2x2, radix, 2>
  %o = snn.one_to_one %t weight_bits 2 weights dense<1> : tensor<1xi8> : !snn.train<1x2x2, radix, 2> -> !snn.current<1x2x2, radix, 2>
  %out = snn.readout %o with @sum name "out" fraction 0 acc_bits 2 membrane_bits 3 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x2x2, radix, 2> -> tensor<1x1x2x2xf32>
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
