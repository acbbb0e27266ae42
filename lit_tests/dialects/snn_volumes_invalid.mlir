// RUN: snn-opt %s --split-input-file --verify-diagnostics

%in = "test.op"() : () -> !snn.train<2x3x4x4, radix, 4>
// expected-error @below {{current is 2x4x4, the window gives 3x4x4}}
%c = snn.conv %in strides [1, 1, 1] pads [0, 0, 0, 0, 0, 0] dilations [1, 1, 1] weights dense<1.0> : tensor<2x2x1x1x1xf32> : !snn.train<2x3x4x4, radix, 4> -> !snn.current<2x2x4x4, radix, 4>

// -----

%in = "test.op"() : () -> !snn.train<6x4x4, radix, 4>
// expected-error @below {{weights with 3 window axes do not go from}}
%c = snn.conv %in strides [1, 1, 1] pads [0, 0, 0, 0, 0, 0] dilations [1, 1, 1] weights dense<1.0> : tensor<2x2x1x1x1xf32> : !snn.train<6x4x4, radix, 4> -> !snn.current<2x3x4x4, radix, 4>

// -----

%t = "test.op"() : () -> !snn.train<2x3x4x4, radix, 4>
// expected-error @below {{kernel, strides and pads must be those of 3 axes}}
%m = snn.max_pool %t kernel [2, 2] strides [2, 2] : !snn.train<2x3x4x4, radix, 4> -> !snn.train<2x3x2x2, radix, 4>

// -----

%t = "test.op"() : () -> !snn.train<6x4x4, radix, 4>
// expected-error @below {{4 slices do not divide 6 channels of a map}}
%m = snn.max_slices %t slices 4 kernel 2 : !snn.train<6x4x4, radix, 4> -> !snn.train<4x4x4, radix, 4>
