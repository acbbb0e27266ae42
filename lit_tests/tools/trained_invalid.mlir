// RUN: snn-opt %s --split-input-file --verify-diagnostics -p convert-onnx-to-snn,threshold-balance,quantise

func.func @network(%image: tensor<1x1x1x1xf32>) -> tensor<1x1xf32> {
  %p = onnx.Pixels %image {scale = [1.0], zero = [0]} : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1xf32>
  %f = onnx.Flatten %p : (tensor<1x1x1x1xf32>) -> tensor<1x1xf32>
  %w = onnx.Constant dense<1.3> : tensor<1x1xf32>
  %d = onnx.Gemm %f, %w {transB = 1} : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  // expected-error @below {{the weights are no multiples of the unit that the trained file gives}}
  %o = onnx.Readout %d {unit = [1.0], bias = [0], fraction = 0, weight_bits = 3} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %o : tensor<1x1xf32>
}

// -----

func.func @network(%image: tensor<1x1x1x1xf32>) -> tensor<1x1xf32> {
  %p = onnx.Pixels %image {scale = [1.0], zero = [0]} : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1xf32>
  %f = onnx.Flatten %p : (tensor<1x1x1x1xf32>) -> tensor<1x1xf32>
  %w = onnx.Constant dense<5.0> : tensor<1x1xf32>
  %d = onnx.Gemm %f, %w {transB = 1} : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  // expected-error @below {{weights of 4 bits where the trained file says 3}}
  %o = onnx.Readout %d {unit = [1.0], bias = [0], fraction = 0, weight_bits = 3} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %o : tensor<1x1xf32>
}

// -----

func.func @network(%image: tensor<1x1x1x1xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x1x1xf32> -> !snn.train<1x1x1, direct, 8>
  %c = snn.dense %in weights dense<1.0> : tensor<1x1xf32> : !snn.train<1x1x1, direct, 8> -> !snn.current<1x1x1, direct, 8>
  // expected-error @+1 {{given needs bits, fraction, unit, bias}}
  %out = snn.readout %c name "out" given {bits = 3 : i64} : !snn.current<1x1x1, direct, 8> -> tensor<1x1xf32>
  func.return %out : tensor<1x1xf32>
}
