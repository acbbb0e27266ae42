// RUN: snn-opt %s --split-input-file --verify-diagnostics -p fold-batchnorm

func.func @computed(%x: tensor<2xf32>, %y: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %c = onnx.Constant dense<1.0> : tensor<2xf32>
  // expected-error @below {{node 'bn' (BatchNormalization): its mean is not a constant}}
  %0 = onnx.BatchNormalization %y, %c, %c, %x, %c {node = "bn"} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %0 : tensor<1x2x4x4xf32>
}

// -----

func.func @negative_variance(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %c = onnx.Constant dense<1.0> : tensor<2xf32>
  %v = onnx.Constant dense<[1.0, -0.5]> : tensor<2xf32>
  // expected-error @below {{variance -0.5 of channel 1 is not positive}}
  %0 = onnx.BatchNormalization %x, %c, %c, %c, %v : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %0 : tensor<1x2x4x4xf32>
}
