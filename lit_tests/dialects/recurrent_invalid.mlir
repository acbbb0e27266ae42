// RUN: snn-opt %s --split-input-file --verify-diagnostics

func.func @steps(%spikes: tensor<1x3xf32>) {
  %x = snn.encode %spikes windows 9 : tensor<1x3xf32> -> !snn.train<3x1x1, rate, 4>
  // expected-error @below {{a window must be one rate-coded step, so that the window before is the step before}}
  %p = snn.previous "hidden" : !snn.train<4x1x1, rate, 4>
  func.return
}

// -----

func.func @windows(%spikes: tensor<1x3xf32>) {
  %x = snn.encode %spikes : tensor<1x3xf32> -> !snn.train<3x1x1, rate, 1>
  // expected-error @below {{layer 'hidden' comes again in the next window, a sample has only one}}
  %p = snn.previous "hidden" : !snn.train<4x1x1, rate, 1>
  func.return
}

// -----

func.func @shape(%spikes: tensor<1x3xf32>) {
  %x = snn.encode %spikes windows 9 : tensor<1x3xf32> -> !snn.train<3x1x1, rate, 1>
  // expected-error @below {{layer 'hidden' fires !snn.train<3x1x1, rate, 1>, not !snn.train<4x1x1, rate, 1>}}
  %p = snn.previous "hidden" : !snn.train<4x1x1, rate, 1>
  %c = snn.dense %x weights dense<1.0> : tensor<3x3xf32> : !snn.train<3x1x1, rate, 1> -> !snn.current<3x1x1, rate, 1>
  %t = snn.fire %c name "hidden" : !snn.current<3x1x1, rate, 1> -> !snn.train<3x1x1, rate, 1>
  func.return
}

// -----

func.func @none(%spikes: tensor<1x3xf32>) {
  %x = snn.encode %spikes windows 9 : tensor<1x3xf32> -> !snn.train<3x1x1, rate, 1>
  // expected-error @below {{there is no layer 'hidden'}}
  %p = snn.previous "hidden" : !snn.train<4x1x1, rate, 1>
  func.return
}
