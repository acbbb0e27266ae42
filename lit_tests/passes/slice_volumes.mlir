// RUN: snn-opt %s --split-input-file -p slice-volumes | filecheck %s

// A kernel of two slices over a volume of three: each slice of the result sees two of the image, and
// both have the weights 1 and 2. The dense layer reads channel 1 (slices 0 and 1) behind channel 0,
// the map slice 1 (channels 0 and 1) behind slice 0.

// CHECK-LABEL: func.func @network
// CHECK:         snn.encode %image slices 3 scale {{.*}} : tensor<1x1x3x1x1xf32> -> !snn.train<3x1x1, direct, 4>
// CHECK-NEXT:    snn.conv %0 weight_bits 4 weights dense<{{\[\[}}{{.*}}1]], {{\[\[}}2]], {{\[\[}}0]]], {{\[\[\[}}3]], {{\[\[}}4]], {{\[\[}}0]]], {{\[\[\[}}0]], {{\[\[}}1]], {{\[\[}}2]]], {{\[\[\[}}0]], {{\[\[}}3]], {{\[\[}}4]]]]> : tensor<4x3x1x1xi8>
// CHECK-NEXT:    snn.fire {{.*}} params {bias = dense<[5, 6, 5, 6]> : tensor<4xi32>, theta = dense<[7, 8, 7, 8]> : tensor<4xi32>} : {{.*}} -> !snn.train<4x1x1, radix, 2>
// CHECK-NEXT:    snn.dense {{.*}} weights dense<{{\[\[}}1, 3, 2, 4]]> : tensor<1x4xi8>
func.func @network(%image: tensor<1x1x3x1x1xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x3x1x1xf32> -> !snn.train<1x3x1x1, direct, 4>
  %c = snn.conv %in strides [1, 1, 1] pads [0, 0, 0, 0, 0, 0] dilations [1, 1, 1] weight_bits 4 weights dense<[[[[[1]], [[2]]]], [[[[3]], [[4]]]]]> : tensor<2x1x2x1x1xi8> : !snn.train<1x3x1x1, direct, 4> -> !snn.current<2x2x1x1, direct, 4>
  %t = snn.fire %c with @radix name "conv" fraction 0 acc_bits 8 membrane_bits 12 params {bias = dense<[5, 6]> : tensor<2xi32>, theta = dense<[7, 8]> : tensor<2xi32>} : !snn.current<2x2x1x1, direct, 4> -> !snn.train<2x2x1x1, radix, 2>
  %d = snn.dense %t weight_bits 4 weights dense<[[1, 2, 3, 4]]> : tensor<1x4xi8> : !snn.train<2x2x1x1, radix, 2> -> !snn.current<1x1x1, radix, 2>
  %out = snn.readout %d with @sum name "out" fraction 0 acc_bits 5 membrane_bits 8 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x1x1, radix, 2> -> tensor<1x1xf32>
  func.return %out : tensor<1x1xf32>
}

// -----

// An average pool over slices adds up weights; a max pool has a form of its own.

// CHECK-LABEL: func.func @pools
// CHECK:         snn.max_pool {{.*}} kernel [2, 2] strides [2, 2] : !snn.train<4x2x2, radix, 2> -> !snn.train<4x1x1, radix, 2>
// CHECK-NEXT:    snn.max_slices {{.*}} slices 4 kernel 2 stride 2 : !snn.train<4x1x1, radix, 2> -> !snn.train<2x1x1, radix, 2>
// CHECK-NEXT:    snn.dense {{.*}} weights dense<3> : tensor<1x2xi8>
func.func @pools(%image: tensor<1x1x4x2x2xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1x4x2x2xf32> -> !snn.train<1x4x2x2, direct, 4>
  %c = snn.one_to_one %in weight_bits 4 weights dense<1> : tensor<1xi8> : !snn.train<1x4x2x2, direct, 4> -> !snn.current<1x4x2x2, direct, 4>
  %t = snn.fire %c with @radix name "a" fraction 0 acc_bits 8 membrane_bits 12 params {bias = dense<5> : tensor<1xi32>, theta = dense<7> : tensor<1xi32>} : !snn.current<1x4x2x2, direct, 4> -> !snn.train<1x4x2x2, radix, 2>
  %m = snn.max_pool %t kernel [2, 2, 2] strides [2, 2, 2] pads [0, 0, 0, 0, 0, 0] : !snn.train<1x4x2x2, radix, 2> -> !snn.train<1x2x1x1, radix, 2>
  %s = snn.sum_pool %m kernel [2, 1, 1] strides [2, 1, 1] pads [0, 0, 0, 0, 0, 0] : !snn.train<1x2x1x1, radix, 2> -> !snn.sum<1x1x1x1, radix, 2, 2>
  %d = snn.dense %s weight_bits 4 weights dense<3> : tensor<1x1xi8> : !snn.sum<1x1x1x1, radix, 2, 2> -> !snn.current<1x1x1, radix, 2>
  %out = snn.readout %d with @sum name "out" fraction 0 acc_bits 5 membrane_bits 8 params {bias = dense<0> : tensor<1xi32>} : !snn.current<1x1x1, radix, 2> -> tensor<1x1xf32>
  func.return %out : tensor<1x1xf32>
}

// -----

// A network over maps is left alone.

// CHECK-LABEL: func.func @maps
// CHECK:         snn.dense %in weight_bits 4 weights dense<2>
func.func @maps(%image: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %in = snn.encode %image scale array<f64: 1.0> : tensor<1x1xf32> -> !snn.train<1x1x1, direct, 4>
  %d = snn.dense %in weight_bits 4 weights dense<2> : tensor<1x1xi8> : !snn.train<1x1x1, direct, 4> -> !snn.current<1x1x1, direct, 4>
  %out = snn.readout %d with @sum name "out" : !snn.current<1x1x1, direct, 4> -> tensor<1x1xf32>
  func.return %out : tensor<1x1xf32>
}
