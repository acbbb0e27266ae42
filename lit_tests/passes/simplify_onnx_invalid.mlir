// RUN: snn-opt %s --split-input-file --verify-diagnostics -p simplify-onnx

func.func @divided_by_zero(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %one = onnx.Constant dense<1.0> : tensor<2xf32>
  %zero = onnx.Constant dense<[1.0, 0.0]> : tensor<2xf32>
  // expected-error @below {{node 'scale' (Div) makes NaN or infinite weights}}
  %0 = onnx.Div %one, %zero {node = "scale"} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = onnx.Mul %x, %0 : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %1 : tensor<1x2xf32>
}

// -----

func.func @overflow(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %w = onnx.Constant dense<1.0e30> : tensor<2x1xf32>
  // expected-error @below {{node 'fc' (Gemm) makes NaN or infinite weights}}
  %0 = onnx.Gemm %x, %w {alpha = 1.0e30, node = "fc"} : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  func.return %0 : tensor<1x1xf32>
}
