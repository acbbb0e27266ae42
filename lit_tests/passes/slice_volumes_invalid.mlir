// RUN: snn-opt %s --split-input-file --verify-diagnostics -p slice-volumes

func.func @floats(%image: tensor<1x1x2x1x1xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image : tensor<1x1x2x1x1xf32> -> !snn.train<1x2x1x1, direct, 4>
  // expected-error @below {{the weights are floats}}
  %c = snn.dense %in weights dense<1.0> : tensor<1x2xf32> : !snn.train<1x2x1x1, direct, 4> -> !snn.current<1x1x1, direct, 4>
  %out = snn.readout %c with @sum name "out" : !snn.current<1x1x1, direct, 4> -> tensor<1x1xf32>
  func.return %out : tensor<1x1xf32>
}

// -----

func.func @result(%image: tensor<1x1x2x1x1xf32>) -> tensor<1x1x2x1x1xf32> {
  %in = snn.encode %image : tensor<1x1x2x1x1xf32> -> !snn.train<1x2x1x1, direct, 4>
  %c = snn.one_to_one %in weight_bits 4 weights dense<1> : tensor<1xi8> : !snn.train<1x2x1x1, direct, 4> -> !snn.current<1x2x1x1, direct, 4>
  // expected-error @below {{the network's result has 2 slices}}
  %out = snn.readout %c with @sum name "out" : !snn.current<1x2x1x1, direct, 4> -> tensor<1x1x2x1x1xf32>
  func.return %out : tensor<1x1x2x1x1xf32>
}
