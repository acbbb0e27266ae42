// RUN: %roundtrip

// Volumes have four extents, windows over them three axes; a convolution with two sees slices as
// channels, c * D + d.

// CHECK: snn.conv %in strides [1, 1, 1] pads [1, 0, 0, 1, 0, 0] dilations [1, 1, 1] weights dense<1.000000e+00> : tensor<2x1x3x1x1xf32> : !snn.train<1x4x2x2, direct, 8> -> !snn.current<2x4x2x2, direct, 8>
// CHECK: snn.max_pool %t kernel [2, 1, 1] strides [2, 1, 1] pads [0, 0, 0, 0, 0, 0] : !snn.train<2x4x2x2, radix, 4> -> !snn.train<2x2x2x2, radix, 4>
// CHECK: snn.conv %m weights dense<1.000000e+00> : tensor<3x4x2x2xf32> : !snn.train<2x2x2x2, radix, 4> -> !snn.current<3x1x1, radix, 4>
func.func @volumes(%image: tensor<1x1x4x2x2xf32>) -> tensor<1x3xf32> {
  %in = snn.encode %image : tensor<1x1x4x2x2xf32> -> !snn.train<1x4x2x2, direct, 8>
  %c = snn.conv %in strides [1, 1, 1] pads [1, 0, 0, 1, 0, 0] dilations [1, 1, 1] weights dense<1.0> : tensor<2x1x3x1x1xf32> : !snn.train<1x4x2x2, direct, 8> -> !snn.current<2x4x2x2, direct, 8>
  %t = snn.fire %c name "c" : !snn.current<2x4x2x2, direct, 8> -> !snn.train<2x4x2x2, radix, 4>
  %m = snn.max_pool %t kernel [2, 1, 1] strides [2, 1, 1] pads [0, 0, 0, 0, 0, 0] : !snn.train<2x4x2x2, radix, 4> -> !snn.train<2x2x2x2, radix, 4>
  %d = snn.conv %m weights dense<1.0> : tensor<3x4x2x2xf32> : !snn.train<2x2x2x2, radix, 4> -> !snn.current<3x1x1, radix, 4>
  %out = snn.readout %d name "out" : !snn.current<3x1x1, radix, 4> -> tensor<1x3xf32>
  func.return %out : tensor<1x3xf32>
}

// The same as a map of slices, pooled across them.

// CHECK: snn.encode %image slices 4 : tensor<1x1x4x2x2xf32> -> !snn.train<4x2x2, direct, 8>
// CHECK: snn.max_slices %t slices 4 kernel 3 stride 2 pads [1, 0] : !snn.train<8x2x2, radix, 4> -> !snn.train<4x2x2, radix, 4>
func.func @slices(%image: tensor<1x1x4x2x2xf32>) -> tensor<1x16xf32> {
  %in = snn.encode %image slices 4 : tensor<1x1x4x2x2xf32> -> !snn.train<4x2x2, direct, 8>
  %c = snn.conv %in weights dense<1.0> : tensor<8x4x1x1xf32> : !snn.train<4x2x2, direct, 8> -> !snn.current<8x2x2, direct, 8>
  %t = snn.fire %c name "c" : !snn.current<8x2x2, direct, 8> -> !snn.train<8x2x2, radix, 4>
  %m = snn.max_slices %t slices 4 kernel 3 stride 2 pads [1, 0] : !snn.train<8x2x2, radix, 4> -> !snn.train<4x2x2, radix, 4>
  %d = snn.one_to_one %m weights dense<1.0> : tensor<4xf32> : !snn.train<4x2x2, radix, 4> -> !snn.current<4x2x2, radix, 4>
  %out = snn.readout %d name "out" : !snn.current<4x2x2, radix, 4> -> tensor<1x16xf32>
  func.return %out : tensor<1x16xf32>
}
