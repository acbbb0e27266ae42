func.func @network(%image: tensor<1x1x1x1xf32>) -> tensor<1x1xf32> {
  %f = onnx.Flatten %image : (tensor<1x1x1x1xf32>) -> tensor<1x1xf32>
  %w = onnx.Constant dense<[[1.5], [-1.0]]> : tensor<2x1xf32>
  %d = onnx.Gemm %f, %w {transB = 1} : (tensor<1x1xf32>, tensor<2x1xf32>) -> tensor<1x2xf32>
  %r = onnx.Relu %d : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %x = onnx.Constant dense<[[0.5, -1.0], [1.0, 0.25]]> : tensor<2x2xf32>
  %e = onnx.Gemm %r, %x {transB = 1} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %s = onnx.Relu %e : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v = onnx.Constant dense<[[0.5, -1.0]]> : tensor<1x2xf32>
  %o = onnx.Gemm %s, %v {transB = 1} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %o : tensor<1x1xf32>
}
