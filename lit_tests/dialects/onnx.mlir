// RUN: %roundtrip
// RUN: snn-opt %s --print-op-generic | snn-opt | filecheck %s

// A network as it comes out of an ONNX file: one op per node, weights as constants, what is at its
// default left out. `node` is the name of the ONNX node.

// CHECK-LABEL: func.func @digits(%image: tensor<1x1x8x8xf32> {onnx.name = "input"})
// CHECK-NEXT: %w = onnx.Constant {node = "conv.weight"} dense<2.500000e-01> : tensor<4x1x3x3xf32>
// CHECK-NEXT: %b = onnx.Constant dense<[1.0{{.*}}, 2.0{{.*}}, 3.0{{.*}}, 4.0{{.*}}]> : tensor<4xf32>
// CHECK-NEXT: %0 = onnx.Conv %image, %w, %b {strides = [2, 2], pads = [1, 1, 1, 1], node = "conv"}
// CHECK-NEXT: %1 = onnx.Relu %0 : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
// CHECK-NEXT: %2 = onnx.MaxPool %1 {kernel_shape = [2, 2], strides = [2, 2]} :
// CHECK-NEXT: %3 = onnx.Flatten %2 : (tensor<1x4x2x2xf32>) -> tensor<1x16xf32>
// CHECK-NEXT: %v = onnx.Constant dense<5.000000e-01> : tensor<10x16xf32>
// CHECK-NEXT: %4 = onnx.Gemm %3, %v {transB = 1} :
// CHECK-NEXT: %5 = onnx.LogSoftmax %4 : (tensor<1x10xf32>) -> tensor<1x10xf32>
func.func @digits(%image: tensor<1x1x8x8xf32> {onnx.name = "input"}) -> tensor<1x10xf32> {
  %w = onnx.Constant {node = "conv.weight"} dense<0.25> : tensor<4x1x3x3xf32>
  %b = onnx.Constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %0 = onnx.Conv %image, %w, %b {strides = [2, 2], pads = [1, 1, 1, 1], dilations = [1, 1], group = 1, node = "conv"} : (tensor<1x1x8x8xf32>, tensor<4x1x3x3xf32>, tensor<4xf32>) -> tensor<1x4x4x4xf32>
  %1 = onnx.Relu %0 : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %2 = onnx.MaxPool %1 {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x4x4x4xf32>) -> tensor<1x4x2x2xf32>
  %3 = onnx.Flatten %2 : (tensor<1x4x2x2xf32>) -> tensor<1x16xf32>
  %v = onnx.Constant dense<0.5> : tensor<10x16xf32>
  %4 = onnx.Gemm %3, %v {transB = 1} : (tensor<1x16xf32>, tensor<10x16xf32>) -> tensor<1x10xf32>
  %5 = onnx.LogSoftmax %4 : (tensor<1x10xf32>) -> tensor<1x10xf32>
  func.return %5 : tensor<1x10xf32>
}

// Every other op, with parameters of each kind.

// CHECK-LABEL: func.func @all
// CHECK: onnx.Conv %x, %depthwise {pads = [1, 0, 1, 0], dilations = [2, 1], group = 2} :
// CHECK: onnx.Sum %{{.*}}, %{{.*}}, %x :
// CHECK: onnx.BatchNormalization %{{.*}}, %c, %c, %c, %c {epsilon = 0.001} :
// CHECK: onnx.Clip %{{.*}} {min = 0.0, max = 6.0} attributes {calibrated = 1 : i32} :
// CHECK: onnx.Pad %{{.*}} {pads = [0, 0, 1, 1, 0, 0, -1, 1], value = -0.1} :
// CHECK: onnx.AveragePool %{{.*}} {count_include_pad = 1, kernel_shape = [2, 2], strides = [2, 2]} :
// CHECK: onnx.GlobalAveragePool
// CHECK: onnx.ReduceMean %{{.*}} {axes = [2, 3], keepdims = 0} :
// CHECK: onnx.Squeeze %{{.*}} {axes = [2, 3]} :
// CHECK: onnx.Unsqueeze %{{.*}} {axes = [0, -1]} :
// CHECK: onnx.Reshape %{{.*}} {shape = [1, 2]} :
// CHECK: onnx.Transpose %{{.*}} {perm = [1, 0]} :
// CHECK: onnx.MatMul
// CHECK: onnx.Gemm %{{.*}}, %{{.*}}, %{{.*}} {alpha = 1.0e-07, beta = 2.5, transA = 1} :
// CHECK: onnx.Softmax %{{.*}} {axis = 1} :
func.func @all(%x: tensor<1x2x4x4xf32>) -> tensor<1x1xf32> {
  %depthwise = onnx.Constant dense<1.0> : tensor<2x1x2x1xf32>
  %c = onnx.Constant dense<1.0> : tensor<2xf32>
  %s = onnx.Constant dense<2.0> : tensor<f32>
  %0 = onnx.Conv %x, %depthwise {pads = [1, 0, 1, 0], dilations = [2, 1], group = 2} : (tensor<1x2x4x4xf32>, tensor<2x1x2x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = onnx.Add %0, %x : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Sub %1, %s : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %3 = onnx.Mul %2, %s : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %4 = onnx.Div %3, %s : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %5 = onnx.Sum %3, %4, %x : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %6 = onnx.BatchNormalization %5, %c, %c, %c, %c {epsilon = 0.001} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %7 = onnx.Clip %6 {min = 0.0, max = 6} attributes {calibrated = 1 : i32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %8 = onnx.Dropout %7 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %9 = onnx.Identity %8 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %10 = onnx.Pad %9 {pads = [0, 0, 1, 1, 0, 0, -1, 1], value = -0.1} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x6xf32>
  %11 = onnx.AveragePool %10 {kernel_shape = [2, 2], strides = [2, 2], count_include_pad = 1} : (tensor<1x2x4x6xf32>) -> tensor<1x2x2x3xf32>
  %12 = onnx.GlobalAveragePool %11 : (tensor<1x2x2x3xf32>) -> tensor<1x2x1x1xf32>
  %13 = onnx.ReduceMean %11 {axes = [2, 3], keepdims = 0} : (tensor<1x2x2x3xf32>) -> tensor<1x2xf32>
  %14 = onnx.Squeeze %12 {axes = [2, 3]} : (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>
  %15 = onnx.Unsqueeze %14 {axes = [0, -1]} : (tensor<1x2xf32>) -> tensor<1x1x2x1xf32>
  %16 = onnx.Reshape %15 {shape = [1, 2]} : (tensor<1x1x2x1xf32>) -> tensor<1x2xf32>
  %17 = onnx.Transpose %16 {perm = [1, 0]} : (tensor<1x2xf32>) -> tensor<2x1xf32>
  %18 = onnx.MatMul %13, %17 : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %19 = onnx.Gemm %17, %17, %18 {alpha = 1.0e-7, beta = 2.5, transA = 1} : (tensor<2x1xf32>, tensor<2x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %20 = onnx.Softmax %19 {axis = 1} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %20 : tensor<1x1xf32>
}
