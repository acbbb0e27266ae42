// RUN: snn-opt %s --split-input-file -p convert-onnx-to-snn | filecheck %s
// RUN: snn-opt %s --split-input-file -p 'convert-onnx-to-snn{coding=rate timesteps=8 emission=after compare=gt}' | filecheck %s --check-prefix=RATE
// RUN: snn-opt %s --split-input-file -p 'convert-onnx-to-snn{input-bits=4 input-scale=0.25}' | filecheck %s --check-prefix=SCALE
// RUN: snn-opt %s --split-input-file -p 'convert-onnx-to-snn{input-mean=0.5 input-std=0.25}' | filecheck %s --check-prefix=MEAN
// RUN: snn-opt %s --split-input-file -p 'convert-onnx-to-snn{coding=rate timesteps=6 input-coding=spikes input-scale=2}' | filecheck %s --check-prefix=SPIKES

// A convolution with Relu is a synapse and a layer of neurons; pools go over whole trains; the last
// layer's membrane potentials are the outputs.

// CHECK:       snn.neuron @radix after
// CHECK:       snn.neuron @readout_radix none
// CHECK-LABEL: func.func @small
// CHECK:         [[IN:%.*]] = snn.encode %image : tensor<1x1x6x6xf32> -> !snn.train<1x6x6, direct, 8>
// CHECK-NEXT:    [[C:%.*]] = snn.conv [[IN]] pads [1, 1, 1, 1] weights {{.*}} -> !snn.current<2x6x6, direct, 8>
// CHECK-NEXT:    [[T:%.*]] = snn.fire [[C]] with @radix name "conv1" bias {{.*}} -> !snn.train<2x6x6, radix, 4>
// CHECK-NEXT:    [[M:%.*]] = snn.max_pool [[T]] kernel [2, 2] strides [2, 2]
// CHECK-NEXT:    [[D:%.*]] = snn.dense [[M]] weights {{.*}} -> !snn.current<3x1x1, radix, 4>
// CHECK-NEXT:    [[R:%.*]] = snn.readout [[D]] with @readout_radix name "fc" activation "softmax" : {{.*}} -> tensor<1x3xf32>
// CHECK-NEXT:    func.return [[R]]

// RATE:       snn.neuron @integrate_then_fire_soft_gt after
// RATE:       arith.cmpi sgt
// RATE:       snn.fire {{.*}} with @integrate_then_fire_soft_gt name "conv1" {{.*}} -> !snn.train<2x6x6, rate, 8>

// A pixel of 4 bits covers the range of one of 8: its step is 255 / 15 as large.

// SCALE:      snn.encode %image scale array<f64: 4.25{{0*}}e+00> zero array<f64: {{0\.?0*(e\+00)?}}> : tensor<1x1x6x6xf32> -> !snn.train<1x6x6, direct, 4>

// (u / 255 - 0.5) / 0.25: a silent pixel is not 0, so the padding is laid around the image.

// MEAN:       snn.encode %image scale array<f64: 0.01568{{.*}}> zero array<f64: 1.275{{.*}}> pads [1, 1, 1, 1] : {{.*}} -> !snn.train<1x8x8, direct, 8>
// MEAN-NEXT:  snn.conv %{{.*}} weights

// Spikes come in as trains of as many steps as the neurons have; the first layer is like the others.

// SPIKES:      [[IN:%.*]] = snn.encode %image scale array<f64: 2.0{{.*}}> : tensor<1x1x6x6xf32> -> !snn.train<1x6x6, rate, 6>
// SPIKES-NEXT: snn.conv [[IN]] pads [1, 1, 1, 1] weights {{.*}} : !snn.train<1x6x6, rate, 6> -> !snn.current<2x6x6, rate, 6>
func.func @small(%image: tensor<1x1x6x6xf32>) -> tensor<1x3xf32> {
  %w = onnx.Constant {node = "conv1.weight"} dense<1.0> : tensor<2x1x3x3xf32>
  %b = onnx.Constant dense<0.5> : tensor<2xf32>
  %c = onnx.Conv %image, %w, %b {pads = [1, 1, 1, 1]} : (tensor<1x1x6x6xf32>, tensor<2x1x3x3xf32>, tensor<2xf32>) -> tensor<1x2x6x6xf32>
  %r = onnx.Relu %c : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %m = onnx.MaxPool %r {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x2x6x6xf32>) -> tensor<1x2x3x3xf32>
  %f = onnx.Flatten %m : (tensor<1x2x3x3xf32>) -> tensor<1x18xf32>
  %v = onnx.Constant {node = "fc.weight"} dense<1.0> : tensor<3x18xf32>
  %g = onnx.Gemm %f, %v {transB = 1} : (tensor<1x18xf32>, tensor<3x18xf32>) -> tensor<1x3xf32>
  %s = onnx.Softmax %g : (tensor<1x3xf32>) -> tensor<1x3xf32>
  func.return %s : tensor<1x3xf32>
}

// -----

// A residual Add joins currents: the skipped tensor comes in with weight 1. Average pooling sums
// trains; its 1/4 is in the weights behind it. A Relu at the end is left to the readout.

// CHECK-LABEL: func.func @residual
// CHECK:         [[T:%.*]] = snn.fire {{.*}} name "block.conv1" ceiling 6.0
// CHECK-NEXT:    [[C:%.*]] = snn.conv [[T]]
// CHECK-NEXT:    [[I:%.*]] = snn.one_to_one [[T]] weights dense<1.0{{.*}}> : tensor<1xf32>
// CHECK-NEXT:    [[A:%.*]] = snn.add [[C]], [[I]]
// CHECK-NEXT:    [[U:%.*]] = snn.fire [[A]] with @radix name "block.add"
// CHECK-NEXT:    [[S:%.*]] = snn.sum_pool [[U]] kernel [2, 2] strides [2, 2] {{.*}} -> !snn.sum<1x2x2, radix, 4, 4>
// CHECK-NEXT:    [[D:%.*]] = snn.dense [[S]] weights dense<2.5{{0*}}e-01>
// CHECK-NEXT:    snn.readout [[D]] with @readout_radix name "fc" activation "relu"
func.func @residual(%image: tensor<1x1x4x4xf32>) -> tensor<1x3xf32> {
  %w = onnx.Constant {node = "block.conv1.weight"} dense<2.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %r = onnx.Clip %c {min = 0.0, max = 6.0} : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %d = onnx.Conv %r, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %a = onnx.Add %d, %r : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %q = onnx.Relu %a : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %p = onnx.AveragePool %q {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  %f = onnx.Flatten %p : (tensor<1x1x2x2xf32>) -> tensor<1x4xf32>
  %v = onnx.Constant {node = "fc.weight"} dense<1.0> : tensor<3x4xf32>
  %g = onnx.Gemm %f, %v {transB = 1} : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<1x3xf32>
  %z = onnx.Relu %g : (tensor<1x3xf32>) -> tensor<1x3xf32>
  func.return %z : tensor<1x3xf32>
}

// -----

// A max pool before its Relu changes places with it. A pool of an average gets a relay, which divides.
// A network that ends in a pool is read out through weights of 1/4.

// CHECK-LABEL: func.func @pools
// CHECK:         [[T:%.*]] = snn.fire {{.*}} name "conv1" :
// CHECK-NEXT:    [[M:%.*]] = snn.max_pool [[T]] kernel [2, 2] strides [2, 2]
// CHECK-NEXT:    [[S:%.*]] = snn.sum_pool [[M]] kernel [2, 2] :
// CHECK-NEXT:    [[O:%.*]] = snn.one_to_one [[S]] weights dense<2.5{{0*}}e-01> : tensor<2xf32>
// CHECK-NEXT:    [[U:%.*]] = snn.fire [[O]] with @radix name "conv1.relay"
// CHECK-NEXT:    [[N:%.*]] = snn.sum_pool [[U]] kernel [2, 2] strides [2, 2]
// CHECK-NEXT:    [[P:%.*]] = snn.one_to_one [[N]] weights dense<2.5{{0*}}e-01> : tensor<2xf32>
// CHECK-NEXT:    snn.readout [[P]] with @readout_radix name "output"
func.func @pools(%image: tensor<1x1x6x6xf32>) -> tensor<1x2x1x1xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x1x1x1xf32>
  %c = onnx.Conv %image, %w : (tensor<1x1x6x6xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x6x6xf32>
  %m = onnx.MaxPool %c {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x2x6x6xf32>) -> tensor<1x2x3x3xf32>
  %r = onnx.Relu %m : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %n = onnx.AveragePool %r {kernel_shape = [2, 2]} : (tensor<1x2x3x3xf32>) -> tensor<1x2x2x2xf32>
  %p = onnx.AveragePool %n {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xf32>
  func.return %p : tensor<1x2x1x1xf32>
}

// -----

// An average pool of what may be negative goes before a 1x1 convolution, exactly.

// CHECK-LABEL: func.func @average_before_pointwise
// CHECK:         [[T:%.*]] = snn.fire
// CHECK-NEXT:    [[S:%.*]] = snn.sum_pool [[T]] kernel [2, 2] : {{.*}} -> !snn.sum<2x1x1, radix, 4, 4>
// CHECK-NEXT:    [[C:%.*]] = snn.conv [[S]] weights dense<2.5{{0*}}e-01> : tensor<3x2x1x1xf32>
// CHECK-NEXT:    snn.readout [[C]]
func.func @average_before_pointwise(%image: tensor<1x1x2x2xf32>) -> tensor<1x3xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x1x1x1xf32>
  %c = onnx.Conv %image, %w : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  %r = onnx.Relu %c : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %v = onnx.Constant dense<1.0> : tensor<3x2x1x1xf32>
  %d = onnx.Conv %r, %v : (tensor<1x2x2x2xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x2x2xf32>
  %p = onnx.AveragePool %d {kernel_shape = [2, 2]} : (tensor<1x3x2x2xf32>) -> tensor<1x3x1x1xf32>
  %f = onnx.Flatten %p : (tensor<1x3x1x1xf32>) -> tensor<1x3xf32>
  func.return %f : tensor<1x3xf32>
}

// -----

// A pre-activation that two layers need is computed for each of them.

// CHECK-LABEL: func.func @shared
// CHECK:         [[IN:%.*]] = snn.encode
// CHECK-NEXT:    [[C:%.*]] = snn.conv [[IN]]
// CHECK-NEXT:    [[T:%.*]] = snn.fire [[C]] {{.*}} name "conv1"
// CHECK-NEXT:    [[D:%.*]] = snn.conv [[IN]]
// CHECK-NEXT:    [[E:%.*]] = snn.conv [[IN]]
// CHECK-NEXT:    [[A:%.*]] = snn.add [[D]], [[E]]
// CHECK-NEXT:    [[U:%.*]] = snn.fire [[A]] {{.*}} name "add1"
// CHECK-NEXT:    [[P:%.*]] = snn.one_to_one [[T]]
// CHECK-NEXT:    [[Q:%.*]] = snn.one_to_one [[U]]
// CHECK-NEXT:    snn.add [[P]], [[Q]]
func.func @shared(%image: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = onnx.Constant {node = "conv1.weight"} dense<1.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %r = onnx.Relu %c : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %s = onnx.Add %c, %c : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %q = onnx.Relu %s : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %a = onnx.Add %r, %q : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %a : tensor<1x1x4x4xf32>
}
