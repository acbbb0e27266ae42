// RUN: snn-opt %s | snn-opt | filecheck %s

// What a trained file says; numbers in lists read back to the same values.

// CHECK: onnx.Pixels %{{.*}} {scale = [0.1, 1.0e-07], zero = [3, 0]} :
// CHECK: onnx.Neurons %{{.*}} {coding = "radix", steps = 4, theta = [16, 2], spike = 0.2, unit = [0.25, 2.0], bias = [-7, 0], fraction = 3, weight_bits = 4} :
// CHECK: onnx.Readout %{{.*}} {unit = [0.25, 2.0], bias = [-7, 0], fraction = 3, weight_bits = 4} :
func.func @all(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %0 = onnx.Pixels %x {scale = [0.1, 1.0e-07], zero = [3, 0]} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %1 = onnx.Neurons %0 {unit = [0.25, 2.0], bias = [-7, 0], fraction = 3, weight_bits = 4, coding = "radix", steps = 4, theta = [16, 2], spike = 0.2} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Readout %1 {unit = [0.25, 2.0], bias = [-7, 0], fraction = 3, weight_bits = 4} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  func.return %2 : tensor<1x2x4x4xf32>
}
