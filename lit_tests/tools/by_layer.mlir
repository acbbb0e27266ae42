// RUN: snn-opt %s -p 'convert-onnx-to-snn{steps-of=conv1:3,add1:2 input-scale=1}' | filecheck %s
// RUN: snn-opt %s -p 'convert-onnx-to-snn{steps-of=conv1:3 input-scale=1},threshold-balance,quantise{weight-bits=4 bits-of=conv2:2,fc:6}' | filecheck %s --check-prefix=BITS
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{steps-of=conv9:3}' 2>&1 | filecheck %s --check-prefix=NONE
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{steps-of=fc:3}' 2>&1 | filecheck %s --check-prefix=READOUT
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{steps-of=conv1:17}' 2>&1 | filecheck %s --check-prefix=RANGE
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{steps-of=conv1}' 2>&1 | filecheck %s --check-prefix=FORM
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{steps-of=conv1:2,conv1:3}' 2>&1 | filecheck %s --check-prefix=TWICE
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{coding=rate steps-of=conv1:3}' 2>&1 | filecheck %s --check-prefix=RATE
// RUN: not snn-opt %s -p 'convert-onnx-to-snn{input-scale=1},threshold-balance,quantise{bits-of=conv9:3}' 2>&1 | filecheck %s --check-prefix=BITSNONE
// RUN: not snn-opt %s -p 'quantise{bits-of=conv1:9}' 2>&1 | filecheck %s --check-prefix=BITSRANGE
// RUN: not snn-opt %s -p 'quantise{bits-of=conv1:4 mean-bits=3}' 2>&1 | filecheck %s --check-prefix=BOTH

// Layers may have trains of other lengths. Where two meet, the sum has as many steps as the longer
// one: the shorter one begins later, so that steps of equal weight meet.

// CHECK:      snn.fire {{.*}} name "conv1" {{.*}} -> !snn.train<1x4x4, radix, 3>
// CHECK:      snn.fire {{.*}} name "conv2" {{.*}} -> !snn.train<1x4x4, radix, 4>
// CHECK:      snn.add {{.*}} : !snn.current<1x4x4, radix, 4>, !snn.current<1x4x4, radix, 3>
// CHECK-NEXT: snn.fire {{.*}} name "add1" {{.*}} -> !snn.train<1x4x4, radix, 2>
// CHECK:      snn.readout {{.*}} : !snn.current<3x1x1, radix, 2>

// BITS:       snn.conv {{.*}} weight_bits 4
// BITS:       snn.conv {{.*}} weight_bits 2
// BITS:       snn.dense {{.*}} weight_bits 6

// NONE:       steps-of names layer 'conv9'; the layers are conv1, conv2, add1
// READOUT:    steps-of names layer 'fc'; the layers are conv1, conv2, add1
// RANGE:      steps-of gives layer 'conv1' 17, allowed are 1 to 16
// FORM:       steps-of takes LAYER:N,..., not 'conv1'
// TWICE:      steps-of names layer 'conv1' twice
// RATE:       steps-of is a matter of radix coding
// BITSNONE:   bits-of names layer 'conv9'; the layers are conv1, conv2, add1, fc
// BITSRANGE:  bits-of gives layer 'conv1' 9, allowed are 2 to 8
// BOTH:       bits-of and mean-bits both give layers their bits
func.func @network(%image: tensor<1x1x4x4xf32>) -> tensor<1x3xf32> {
  %w = onnx.Constant {node = "conv1.weight"} dense<2.0> : tensor<1x1x1x1xf32>
  %c = onnx.Conv %image, %w {node = "conv1"} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %r = onnx.Relu %c : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %v = onnx.Constant {node = "conv2.weight"} dense<0.5> : tensor<1x1x1x1xf32>
  %d = onnx.Conv %r, %v {node = "conv2"} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %s = onnx.Relu %d : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %a = onnx.Add %s, %r {node = "add"} : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %t = onnx.Relu %a : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %f = onnx.Flatten %t : (tensor<1x1x4x4xf32>) -> tensor<1x16xf32>
  %u = onnx.Constant {node = "fc.weight"} dense<1.0> : tensor<3x16xf32>
  %g = onnx.Gemm %f, %u {node = "fc", transB = 1} : (tensor<1x16xf32>, tensor<3x16xf32>) -> tensor<1x3xf32>
  func.return %g : tensor<1x3xf32>
}
