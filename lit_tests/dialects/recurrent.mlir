// RUN: %roundtrip

// What a layer fired one step ago is a train like any other. The layer is named, for it comes later.

// CHECK-LABEL: func.func @hidden
// CHECK: [[P:%.*]] = snn.previous "hidden" : !snn.train<4x1x1, rate, 1>
// CHECK: snn.dense [[P]]
func.func @hidden(%spikes: tensor<1x3xf32>) -> tensor<1x4xf32> {
  %x = snn.encode %spikes windows 9 scale array<f64: 1.0, 1.0, 1.0> : tensor<1x3xf32> -> !snn.train<3x1x1, rate, 1>
  %p = snn.previous "hidden" : !snn.train<4x1x1, rate, 1>
  %c = snn.dense %x weights dense<1.0> : tensor<4x3xf32> : !snn.train<3x1x1, rate, 1> -> !snn.current<4x1x1, rate, 1>
  %r = snn.dense %p weights dense<0.5> : tensor<4x4xf32> : !snn.train<4x1x1, rate, 1> -> !snn.current<4x1x1, rate, 1>
  %s = snn.add %c, %r : !snn.current<4x1x1, rate, 1>, !snn.current<4x1x1, rate, 1> -> !snn.current<4x1x1, rate, 1>
  %t = snn.fire %s name "hidden" : !snn.current<4x1x1, rate, 1> -> !snn.train<4x1x1, rate, 1>
  %o = snn.dense %t weights dense<1.0> : tensor<4x4xf32> : !snn.train<4x1x1, rate, 1> -> !snn.current<4x1x1, rate, 1>
  %v = snn.readout %o name "out" : !snn.current<4x1x1, rate, 1> -> tensor<1x4xf32>
  func.return %v : tensor<1x4xf32>
}

// What a trained file says of it.

// CHECK-LABEL: func.func @trained
// CHECK: onnx.Recurrent %{{.*}} {of = "neurons1"} : (tensor<1x4xf32>) -> tensor<1x4xf32>
func.func @trained(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = onnx.Recurrent %x {of = "neurons1"} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %0 : tensor<1x4xf32>
}
