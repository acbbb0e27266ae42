// RUN: snn-opt %s --split-input-file --verify-diagnostics -p verify-onnx-convertible

func.func @normalisation(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %c = onnx.Constant dense<1.0> : tensor<2xf32>
  // expected-error @below {{node 'bn' (BatchNormalization): it is still there; run fold-batchnorm}}
  %0 = onnx.BatchNormalization %x, %c, %c, %c, %c {node = "bn"} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %0 : tensor<1x2xf32>
}

// -----

func.func @input_shift(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %c = onnx.Constant dense<1.0> : tensor<f32>
  // expected-error @below {{give it as --mean and --std}}
  %0 = onnx.Add %x, %c {node = "shift"} : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xf32>
  %w = onnx.Constant dense<1.0> : tensor<1x1x3x3xf32>
  %1 = onnx.Conv %0, %w {pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  func.return %1 : tensor<1x1x4x4xf32>
}

// -----

func.func @product(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // expected-error @below {{it combines two computed tensors; only Add of two tensors has a spiking form}}
  %0 = onnx.Mul %x, %x : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %0 : tensor<1x2xf32>
}

// -----

func.func @no_activation(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x2xf32>
  %0 = onnx.Gemm %x, %w {transB = 1, node = "fc1"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  // expected-error @below {{node 'fc2' (Gemm): no activation stands between it and node 'fc1' (Gemm); put a Relu between them}}
  %1 = onnx.Gemm %0, %w {transB = 1, node = "fc2"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %1 : tensor<1x2xf32>
}

// -----

func.func @negative_range(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x2xf32>
  %0 = onnx.Gemm %x, %w {transB = 1} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  // expected-error @below {{it limits to [-1.0, 1.0]; a spiking neuron's range is [0, max]}}
  %1 = onnx.Clip %0 {min = -1.0, max = 1.0} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %1 : tensor<1x2xf32>
}

// -----

func.func @softmax_inside(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // expected-error @below {{it is not the last node}}
  %0 = onnx.Softmax %x : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %w = onnx.Constant dense<1.0> : tensor<2x2xf32>
  %1 = onnx.Gemm %0, %w {transB = 1} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %1 : tensor<1x2xf32>
}

// -----

func.func @one_dimension(%x: tensor<1x2x8xf32>) -> tensor<1x2x8xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x2x1xf32>
  // expected-error @below {{its input (1, 2, 8) is neither (1, channels, height, width) nor a volume; use a 2D or 3D Conv}}
  %0 = onnx.Conv %x, %w : (tensor<1x2x8xf32>, tensor<2x2x1xf32>) -> tensor<1x2x8xf32>
  func.return %0 : tensor<1x2x8xf32>
}

// -----

// expected-error @below {{network @two_inputs: it has 2 inputs and 1 outputs; give it one input and one output}}
func.func @two_inputs(%x: tensor<1x2xf32>, %w: tensor<2x2xf32>) -> tensor<1x2xf32> {
  func.return %x : tensor<1x2xf32>
}

// -----

func.func @rim(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32> {
  // expected-error @below {{its pads do not count in the mean}}
  %0 = onnx.AveragePool %x {kernel_shape = [2, 2], strides = [2, 2], pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32>
  func.return %0 : tensor<1x1x3x3xf32>
}

// -----

func.func @channels_last(%x: tensor<1x4x4x2xf32>) -> tensor<1x2x4x4xf32> {
  // expected-error @below {{the input is transposed; export the network with channels first}}
  %0 = onnx.Transpose %x {perm = [0, 3, 1, 2]} : (tensor<1x4x4x2xf32>) -> tensor<1x2x4x4xf32>
  func.return %0 : tensor<1x2x4x4xf32>
}

// -----

// Several problems: the first is shown, the others are counted.
func.func @several(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // expected-error @below {{(and 1 more problem)}}
  %0 = onnx.Mul %x, %x : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = onnx.Mul %0, %x : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %1 : tensor<1x2xf32>
}
