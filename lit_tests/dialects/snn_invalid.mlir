// RUN: snn-opt %s --split-input-file --verify-diagnostics

func.func @encode_size(%image: tensor<1x1x4x4xf32>) {
  // expected-error @below {{snn.encode: the image has 16 elements, the train needs 9}}
  %t = snn.encode %image : tensor<1x1x4x4xf32> -> !snn.train<1x3x3, direct, 8>
  func.return
}

// -----

func.func @encode_coding(%image: tensor<1x1x4x4xf32>) {
  // expected-error @below {{the result must be a direct-coded train}}
  %t = snn.encode %image : tensor<1x1x4x4xf32> -> !snn.train<1x4x4, radix, 8>
  func.return
}

// -----

func.func @encode_spikes_zero(%image: tensor<1x2x4x4xf32>) {
  // expected-error @below {{the zero of given spikes must be 0}}
  %t = snn.encode %image zero array<f64: 0.0, 1.0> : tensor<1x2x4x4xf32> -> !snn.train<2x4x4, rate, 8>
  func.return
}

// -----

func.func @encode_scale(%image: tensor<1x2x4x4xf32>) {
  // expected-error @below {{scale needs one value for each channel}}
  %t = snn.encode %image scale array<f64: 1.0> : tensor<1x2x4x4xf32> -> !snn.train<2x4x4, direct, 8>
  func.return
}

// -----

func.func @conv_channels(%t: !snn.train<2x4x4, radix, 4>) {
  // expected-error @below {{weights have shape (3, 1, 1, 1), expected (3, 2, 1, 1)}}
  %c = snn.conv %t weights dense<1.0> : tensor<3x1x1x1xf32> : !snn.train<2x4x4, radix, 4> -> !snn.current<3x4x4, radix, 4>
  func.return
}

// -----

func.func @conv_window(%t: !snn.train<2x4x4, radix, 4>) {
  // expected-error @below {{current is 4x4, the window gives 2x2}}
  %c = snn.conv %t weights dense<1.0> : tensor<3x2x3x3xf32> : !snn.train<2x4x4, radix, 4> -> !snn.current<3x4x4, radix, 4>
  func.return
}

// -----

func.func @conv_groups(%t: !snn.train<3x4x4, radix, 4>) {
  // expected-error @below {{groups 2 must divide input channels 3 and output 4}}
  %c = snn.conv %t groups 2 weights dense<1.0> : tensor<4x1x1x1xf32> : !snn.train<3x4x4, radix, 4> -> !snn.current<4x4x4, radix, 4>
  func.return
}

// -----

func.func @integer_without_width(%t: !snn.train<2x4x4, radix, 4>) {
  // expected-error @below {{integer weights need weight_bits}}
  %c = snn.one_to_one %t weights dense<1> : tensor<2xi8> : !snn.train<2x4x4, radix, 4> -> !snn.current<2x4x4, radix, 4>
  func.return
}

// -----

func.func @steps(%t: !snn.train<2x4x4, radix, 4>) {
  // expected-error @below {{input and current differ in coding or steps}}
  %c = snn.one_to_one %t weights dense<1.0> : tensor<2xf32> : !snn.train<2x4x4, radix, 4> -> !snn.current<2x4x4, radix, 5>
  func.return
}

// -----

func.func @dense_size(%t: !snn.train<2x4x4, radix, 4>) {
  // expected-error @below {{weights have shape (3, 31), expected (3, 32)}}
  %c = snn.dense %t weights dense<1.0> : tensor<3x31xf32> : !snn.train<2x4x4, radix, 4> -> !snn.current<3x1x1, radix, 4>
  func.return
}

// -----

func.func @add_one(%c: !snn.current<2x4x4, radix, 4>) {
  // expected-error @below {{snn.add: needs at least two currents}}
  %a = snn.add %c : !snn.current<2x4x4, radix, 4> -> !snn.current<2x4x4, radix, 4>
  func.return
}

// -----

func.func @add_codings(%c: !snn.current<2x4x4, radix, 4>, %d: !snn.current<2x4x4, rate, 4>) {
  // expected-error @below {{shape and coding must agree, and the steps unless radix trains have fewer}}
  %a = snn.add %c, %d : !snn.current<2x4x4, radix, 4>, !snn.current<2x4x4, rate, 4> -> !snn.current<2x4x4, radix, 4>
  func.return
}

// -----

func.func @add_rate_steps(%c: !snn.current<2x4x4, rate, 4>, %d: !snn.current<2x4x4, rate, 3>) {
  // expected-error @below {{shape and coding must agree, and the steps unless radix trains have fewer}}
  %a = snn.add %c, %d : !snn.current<2x4x4, rate, 4>, !snn.current<2x4x4, rate, 3> -> !snn.current<2x4x4, rate, 4>
  func.return
}

// -----

func.func @add_more_steps(%c: !snn.current<2x4x4, radix, 3>, %d: !snn.current<2x4x4, radix, 2>) {
  // expected-error @below {{adds at most 3 steps to !snn.current<2x4x4, radix, 4>}}
  %a = snn.add %c, %d : !snn.current<2x4x4, radix, 3>, !snn.current<2x4x4, radix, 2> -> !snn.current<2x4x4, radix, 4>
  func.return
}

// -----

func.func @coding_changes(%c: !snn.current<2x4x4, radix, 4>) {
  // expected-error @below {{radix currents cannot make rate trains}}
  %t = snn.fire %c name "x" : !snn.current<2x4x4, radix, 4> -> !snn.train<2x4x4, rate, 4>
  func.return
}

// -----

func.func @fires_bits(%c: !snn.current<2x4x4, direct, 8>) {
  // expected-error @below {{only the input is direct-coded}}
  %t = snn.fire %c name "x" : !snn.current<2x4x4, direct, 8> -> !snn.train<2x4x4, direct, 8>
  func.return
}

// -----

func.func @bias_size(%c: !snn.current<2x4x4, radix, 4>) {
  // expected-error @below {{bias has shape (3,), expected (2,)}}
  %t = snn.fire %c name "x" bias dense<1.0> : tensor<3xf32> : !snn.current<2x4x4, radix, 4> -> !snn.train<2x4x4, radix, 4>
  func.return
}

// -----

func.func @pool_pads(%t: !snn.train<2x4x4, radix, 4>) {
  // expected-error @below {{pads must be smaller than the kernel}}
  %p = snn.max_pool %t kernel [2, 2] strides [2, 2] pads [2, 2, 2, 2] : !snn.train<2x4x4, radix, 4> -> !snn.train<2x4x4, radix, 4>
  func.return
}

// -----

func.func @sum_terms(%t: !snn.train<2x4x4, radix, 4>) {
  // expected-error @below {{the sum has 4 terms, its type says other}}
  %p = snn.sum_pool %t kernel [2, 2] strides [2, 2] : !snn.train<2x4x4, radix, 4> -> !snn.sum<2x2x2, radix, 4, 3>
  func.return
}

// -----

func.func @too_many_steps() {
  // expected-error @below {{17 steps; a train has 1 to 16}}
  %t = "test.op"() : () -> !snn.train<2x4x4, radix, 17>
  func.return
}

// -----

func.func @unknown_coding() {
  // expected-error @below {{unknown coding 'morse', use direct, radix, rate}}
  %t = "test.op"() : () -> !snn.train<2x4x4, morse, 4>
  func.return
}

// -----

// expected-error @below {{region integrate takes (v, i, theta), all i64}}
snn.neuron @short causal state ["v"] params ["theta"] start {
^bb0(%theta: i64):
  snn.yield %theta : i64
} integrate {
^bb0(%v: i64, %theta: i64):
  snn.yield %v : i64
} settle {
^bb0(%v: i64, %theta: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %theta: i64, %left: i64):
  %spike = arith.cmpi sge, %v, %theta : i64
  snn.yield %v, %spike : i64, i1
}

// -----

// expected-error @below {{region fire yields (i64), expected (i64, i1)}}
snn.neuron @silent causal state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  snn.yield %v : i64
} settle {
^bb0(%v: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %left: i64):
  snn.yield %v : i64
}

// -----

func.func @late_bits(%image: tensor<1x4xf32>) {
  %t = snn.encode %image : tensor<1x4xf32> -> !snn.train<4x1x1, direct, 8>
  // expected-error @below {{only rate-coded trains can be delayed}}
  %c = snn.dense %t delay 1 weights dense<1.0> : tensor<2x4xf32> : !snn.train<4x1x1, direct, 8> -> !snn.current<2x1x1, direct, 8>
  func.return
}
