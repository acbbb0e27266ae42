// RUN: snn-opt %s --split-input-file --verify-diagnostics

func.func @channels(%x: tensor<1x3x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error @below {{node 'conv1' (Conv): input has 3 channels but weights (4, 2, 3, 3) with group 1 take 2}}
  %0 = onnx.Conv %x, %w {node = "conv1"} : (tensor<1x3x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  func.return
}

// -----

func.func @groups(%x: tensor<1x3x8x8xf32>, %w: tensor<4x1x3x3xf32>) {
  // expected-error @below {{3 input channels do not divide into 2 groups}}
  %0 = onnx.Conv %x, %w {group = 2} : (tensor<1x3x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x6x6xf32>
  func.return
}

// -----

func.func @bias(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{bias (3,) does not fit 4 output channels}}
  %0 = onnx.Conv %x, %w, %b : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<3xf32>) -> tensor<1x4x6x6xf32>
  func.return
}

// -----

func.func @result(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) {
  // expected-error @below {{result is (1, 4, 8, 8), the operands and parameters make (1, 4, 6, 6)}}
  %0 = onnx.Conv %x, %w : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  func.return
}

// -----

func.func @kernel_too_large(%x: tensor<1x3x2x2xf32>, %w: tensor<4x3x3x3xf32>) {
  // expected-error @below {{kernel reaches over 3 of only 2 padded positions}}
  %0 = onnx.Conv %x, %w : (tensor<1x3x2x2xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x1x1xf32>
  func.return
}

// -----

func.func @strides(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{strides (2,) need 2 values}}
  %0 = onnx.MaxPool %x {kernel_shape = [2, 2], strides = [2]} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  func.return
}

// -----

func.func @kernel_missing(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{kernel_shape}}
  %0 = onnx.MaxPool %x : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  func.return
}

// -----

func.func @only_padding(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{a window would see padding alone}}
  %0 = onnx.AveragePool %x {kernel_shape = [2, 2], pads = [2, 0, 0, 0]} : (tensor<1x3x8x8xf32>) -> tensor<1x3x9x7xf32>
  func.return
}

// -----

func.func @features(%x: tensor<1x3xf32>, %w: tensor<4x5xf32>) {
  // expected-error @below {{input has 3 features but the weights take 5}}
  %0 = onnx.Gemm %x, %w {transB = 1} : (tensor<1x3xf32>, tensor<4x5xf32>) -> tensor<1x4xf32>
  func.return
}

// -----

func.func @statistics(%x: tensor<1x3x2x2xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error @below {{mean (2,) does not fit 3 channels}}
  %0 = onnx.BatchNormalization %x, %c, %c, %d, %c : (tensor<1x3x2x2xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2xf32>, tensor<3xf32>) -> tensor<1x3x2x2xf32>
  func.return
}

// -----

func.func @elements(%x: tensor<1x3x2x2xf32>) {
  // expected-error @below {{(1, 3, 2, 2) with 12 elements does not become (1, 13)}}
  %0 = onnx.Reshape %x {shape = [1, 13]} : (tensor<1x3x2x2xf32>) -> tensor<1x13xf32>
  func.return
}

// -----

func.func @broadcast(%x: tensor<1x3x2x2xf32>, %y: tensor<4xf32>) {
  // expected-error @below {{shapes (1, 3, 2, 2) and (4,) do not broadcast}}
  %0 = onnx.Add %x, %y : (tensor<1x3x2x2xf32>, tensor<4xf32>) -> tensor<1x3x2x2xf32>
  func.return
}

// -----

func.func @bounds(%x: tensor<1x3xf32>) {
  // expected-error @below {{min 2.0 is above max 1.0}}
  %0 = onnx.Clip %x {min = 2.0, max = 1.0} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  func.return
}

// -----

func.func @open_size(%x: tensor<?x3xf32>) {
  // expected-error @below {{every dimension must have a fixed size}}
  %0 = onnx.Relu %x : (tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return
}

// -----

func.func @misspelt(%x: tensor<1x3xf32>) {
  // expected-error @below {{onnx.Clip has no parameter 'low': min, max, node}}
  %0 = onnx.Clip %x {low = 2.0} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  func.return
}

// -----

func.func @integers(%x: tensor<1x3xi8>) {
  // expected-error @below {{a tensor of f32 is expected here, not tensor<1x3xi8>}}
  %0 = onnx.Relu %x : (tensor<1x3xi8>) -> tensor<1x3xi8>
  func.return
}
