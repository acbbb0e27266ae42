// RUN: snn-opt %s -p 'convert-onnx-to-snn{windows=5}' | filecheck %s
// RUN: not snn-opt %s -p convert-onnx-to-snn 2>&1 | filecheck %s --check-prefix ONE
// RUN: sed 's/of = "neurons1"/of = "others"/' %s | not snn-opt -p 'convert-onnx-to-snn{windows=5}' 2>&1 | filecheck %s --check-prefix NONE

// A recurrent layer of a trained network: its own spikes of the step before are one more branch, and
// pixels of one bit, in windows of one step, are spikes.

// CHECK-LABEL: func.func @again
// CHECK:         [[X:%.*]] = snn.encode %spikes windows 5 {{.*}} -> !snn.train<2x1x1, rate, 1>
// CHECK-NEXT:    [[P:%.*]] = snn.previous "add1" : !snn.train<3x1x1, rate, 1>
// CHECK-NEXT:    [[C:%.*]] = snn.dense [[X]]
// CHECK-NEXT:    [[R:%.*]] = snn.dense [[P]]
// CHECK-NEXT:    [[S:%.*]] = snn.add [[C]], [[R]]
// CHECK-NEXT:    snn.fire [[S]] {{.*}} name "add1"

// NONE: error: {{.*}}there is no layer 'others' whose spikes could come again
// ONE: recurrent layers see their spikes in the next window, a sample has only one; give windows=N
func.func @again(%spikes: tensor<1x2xf32>) -> tensor<1x3xf32> {
  %x = onnx.Pixels %spikes {scale = [1.0, 1.0], zero = [0, 0], bits = 1} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %w = onnx.Constant dense<1.0> : tensor<3x2xf32>
  %v = onnx.Constant dense<2.0> : tensor<3x3xf32>
  %c = onnx.Gemm %x, %w {transB = 1} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  %p = onnx.Recurrent %c {of = "neurons1"} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  %r = onnx.Gemm %p, %v {transB = 1} : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  %s = onnx.Add %c, %r : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  %t = onnx.Neurons %s {node = "neurons1", coding = "rate", steps = 1, leak = 4, theta = [4, 4, 4], spike = 1.0, unit = [1.0, 1.0, 1.0], bias = [0, 0, 0], fraction = 1, weight_bits = 4} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  %o = onnx.Gemm %t, %v {transB = 1} : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
  %y = onnx.Readout %o {unit = [1.0, 1.0, 1.0], bias = [0, 0, 0], fraction = 0, weight_bits = 4} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  func.return %y : tensor<1x3xf32>
}
