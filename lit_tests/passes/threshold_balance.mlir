// RUN: python %S/Inputs/calibration.py %t.npz
// RUN: snn-opt %s --split-input-file -p 'threshold-balance{calibration=%t.npz method=max}' | filecheck %s
// RUN: snn-opt %s --split-input-file -p 'threshold-balance{calibration=%t.npz method=max per-channel}' | filecheck %s --check-prefix=CHANNEL
// RUN: snn-opt %s --split-input-file -p 'threshold-balance{calibration=%t.npz method=percentile percentile=50}' | filecheck %s --check-prefix=HALF
// RUN: snn-opt %s --split-input-file -p 'threshold-balance{calibration=%t.npz method=learned}' | filecheck %s --check-prefix=LEARNED
// RUN: snn-opt %s --split-input-file -p 'threshold-balance' 2>&1 | filecheck %s --check-prefix=NOISE

// The calibration images are 0, 1, ..., 10 in one pixel. Channel 0 sees 2 u, channel 1 sees u / 2:
// a full train stands for 20, or for 20 and 5. The input's range is 0..10, so a pixel step is 10 / 255.

// CHECK:       snn.encode %image scale array<f64: 0.0392156{{.*}}> zero array<f64: 0{{.*}}>
// CHECK:       snn.fire {{.*}} name "first" threshold dense<2.0{{0*}}e+01> : tensor<1xf32>
// CHANNEL:     snn.fire {{.*}} name "first" threshold dense<[2.0{{0*}}e+01, 5.0{{0*}}e+00]> : tensor<2xf32>
// HALF:        snn.fire {{.*}} name "first" threshold dense<{{[45]\.[0-9]+}}
// NOISE:       warning: no calibration data: thresholds come from random images
// NOISE:       snn.encode %image scale array<f64: 0.0039{{.*}}>

// LEARNED:     snn.fire {{.*}} name "first" threshold dense<[[A:1[0-9]\.[0-9]+|2[0-9]\.[0-9]+]]
// LEARNED:     snn.fire {{.*}} name "first.relay" threshold dense<[[A]]
// LEARNED:     snn.fire {{.*}} name "clipped" ceiling 6.0 threshold dense<6.0

// A relay repeats its source, whatever it has seen itself.

// CHANNEL:     snn.fire {{.*}} name "first.relay" threshold dense<[2.0{{0*}}e+01, 5.0{{0*}}e+00]> : tensor<2xf32>

// A ceiling is never exceeded; a layer that stays silent gets some threshold all the same.

// CHECK:       snn.fire {{.*}} name "clipped" ceiling 6.0 threshold dense<6.0{{.*}}> : tensor<1xf32>
// CHECK:       snn.fire {{.*}} name "dead" bias {{.*}} threshold dense<1.0{{.*}}> : tensor<1xf32>
func.func @network(%image: tensor<1x1xf32>) -> tensor<1x2xf32> {
  %in = snn.encode %image : tensor<1x1xf32> -> !snn.train<1x1x1, direct, 8>
  %c = snn.dense %in weights dense<[[2.0], [0.5]]> : tensor<2x1xf32> : !snn.train<1x1x1, direct, 8> -> !snn.current<2x1x1, direct, 8>
  %t = snn.fire %c name "first" : !snn.current<2x1x1, direct, 8> -> !snn.train<2x1x1, radix, 4>
  %r = snn.one_to_one %t weights dense<1.0> : tensor<2xf32> : !snn.train<2x1x1, radix, 4> -> !snn.current<2x1x1, radix, 4>
  %u = snn.fire %r name "first.relay" : !snn.current<2x1x1, radix, 4> -> !snn.train<2x1x1, radix, 4>
  %d = snn.one_to_one %u weights dense<1.0> : tensor<2xf32> : !snn.train<2x1x1, radix, 4> -> !snn.current<2x1x1, radix, 4>
  %v = snn.fire %d name "clipped" ceiling 6.0 : !snn.current<2x1x1, radix, 4> -> !snn.train<2x1x1, radix, 4>
  %e = snn.one_to_one %v weights dense<1.0> : tensor<2xf32> : !snn.train<2x1x1, radix, 4> -> !snn.current<2x1x1, radix, 4>
  %w = snn.fire %e name "dead" bias dense<-9.0> : tensor<2xf32> : !snn.current<2x1x1, radix, 4> -> !snn.train<2x1x1, radix, 4>
  %f = snn.one_to_one %w weights dense<1.0> : tensor<2xf32> : !snn.train<2x1x1, radix, 4> -> !snn.current<2x1x1, radix, 4>
  %out = snn.readout %f name "out" : !snn.current<2x1x1, radix, 4> -> tensor<1x2xf32>
  func.return %out : tensor<1x2xf32>
}
