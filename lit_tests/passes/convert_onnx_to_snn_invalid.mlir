// RUN: snn-opt %s --split-input-file --verify-diagnostics -p convert-onnx-to-snn
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{timesteps=17}' 2>&1 | filecheck %s --check-prefix=STEPS
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{coding=rate emission=after reset=hard}' 2>&1 | filecheck %s --check-prefix=HARD
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{input-std=0}' 2>&1 | filecheck %s --check-prefix=STD
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{input-coding=spikes}' 2>&1 | filecheck %s --check-prefix=SPIKES

// STEPS: timesteps is 17, allowed are 1 to 16
// HARD: emission=after needs reset=soft
// STD: input-std must be positive
// SPIKES: an input of spikes needs rate-coded neurons; use coding=rate

func.func @no_relu(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w {node = "a"} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  // expected-error @below {{node 'b' (Conv): takes the output of node 'a' (Conv), which has no Relu}}
  %d = onnx.Conv %c, %w {node = "b"} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  func.return %d : tensor<1x1x2x2xf32>
}

// -----

func.func @add_without_relu(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w {node = "a"} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %r = onnx.Relu %c : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %d = onnx.Conv %r, %w {node = "b"} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %s = onnx.Add %d, %r {node = "sum"} : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  // expected-error @below {{takes the output of node 'sum' (Add), which has no Relu}}
  %e = onnx.Conv %s, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  func.return %e : tensor<1x1x2x2xf32>
}

// -----

func.func @input_residual(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %r = onnx.Relu %c : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %d = onnx.Conv %r, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %a = onnx.Add %d, %image : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  // expected-error @below {{an Add joins the network input with a layer's output}}
  %q = onnx.Relu %a : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %e = onnx.Conv %q, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  func.return %e : tensor<1x1x2x2xf32>
}

// -----

func.func @max_pool_of_input(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32> {
  // expected-error @below {{max pooling of the network input is not supported}}
  %m = onnx.MaxPool %image {kernel_shape = [2, 2]} : (tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32>
  func.return %m : tensor<1x1x1x1xf32>
}

// -----

func.func @max_pool_without_relu(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w {node = "a"} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %m = onnx.MaxPool %c {kernel_shape = [2, 2]} : (tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32>
  // expected-error @unknown {{a MaxPool takes values that may be negative}}
  func.return %m : tensor<1x1x1x1xf32>
}

// -----

func.func @average_without_relu(%image: tensor<1x1x4x4xf32>) -> tensor<1x1x1x1xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x3x3xf32>
  %c = onnx.Conv %image, %w : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  // expected-error @below {{an AveragePool takes values that may be negative}}
  %m = onnx.AveragePool %c {kernel_shape = [2, 2]} : (tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32>
  func.return %m : tensor<1x1x1x1xf32>
}

// -----

func.func @average_rim(%image: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  // expected-error @below {{an AveragePool with pads that do not count in the mean}}
  %m = onnx.AveragePool %image {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %m : tensor<1x1x4x4xf32>
}

// -----

func.func @clip_below(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  // expected-error @below {{Clip to [-1.0, 1.0]: spikes carry values from 0 upwards}}
  %r = onnx.Clip %c {min = -1.0, max = 1.0} : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  func.return %r : tensor<1x1x2x2xf32>
}

// -----

func.func @inner_reshape(%image: tensor<1x4xf32>) -> tensor<1x1x2x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<4x4xf32>
  %c = onnx.Gemm %image, %w {transB = 1} : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  %r = onnx.Relu %c : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // expected-error @below {{a reshape of (1, 4) to (1, 1, 2, 2) inside of the network}}
  %s = onnx.Reshape %r {shape = [1, 1, 2, 2]} : (tensor<1x4xf32>) -> tensor<1x1x2x2xf32>
  func.return %s : tensor<1x1x2x2xf32>
}

// -----

func.func @not_simplified(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %c = onnx.Constant dense<1.0> : tensor<1xf32>
  // expected-error @below {{BatchNormalization has no spiking form here; run simplify-onnx and fold-batchnorm}}
  %n = onnx.BatchNormalization %image, %c, %c, %c, %c : (tensor<1x1x2x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
  func.return %n : tensor<1x1x2x2xf32>
}
