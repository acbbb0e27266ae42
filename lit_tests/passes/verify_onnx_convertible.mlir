// RUN: snn-opt %s -p verify-onnx-convertible | filecheck %s

// What conversion takes passes unchanged: layers, neurons, pools, one Flatten, a residual Add.

// CHECK-LABEL: func.func @residual
// CHECK:       %7 = onnx.Softmax %6
// CHECK-NEXT:  func.return %7
func.func @residual(%x: tensor<1x2x4x4xf32>) -> tensor<1x3xf32> {
  %w = onnx.Constant dense<0.5> : tensor<2x2x3x3xf32>
  %0 = onnx.Conv %x, %w {pads = [1, 1, 1, 1]} : (tensor<1x2x4x4xf32>, tensor<2x2x3x3xf32>) -> tensor<1x2x4x4xf32>
  %1 = onnx.Clip %0 {min = 0.0, max = 6.0} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Conv %1, %w {pads = [1, 1, 1, 1]} : (tensor<1x2x4x4xf32>, tensor<2x2x3x3xf32>) -> tensor<1x2x4x4xf32>
  %3 = onnx.Add %2, %1 : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = onnx.Relu %3 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = onnx.AveragePool %4 {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %5 = onnx.Flatten %p : (tensor<1x2x2x2xf32>) -> tensor<1x8xf32>
  %v = onnx.Constant dense<0.5> : tensor<3x8xf32>
  %6 = onnx.Gemm %5, %v {transB = 1} : (tensor<1x8xf32>, tensor<3x8xf32>) -> tensor<1x3xf32>
  %7 = onnx.Softmax %6 : (tensor<1x3xf32>) -> tensor<1x3xf32>
  func.return %7 : tensor<1x3xf32>
}
