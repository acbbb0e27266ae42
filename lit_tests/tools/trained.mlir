// RUN: snn-opt %s -p 'convert-onnx-to-snn{coding=radix timesteps=8 input-scale=3.0}' | filecheck %s
// RUN: snn-opt %s -p convert-onnx-to-snn,threshold-balance,quantise{weight-bits=8} | filecheck %s --check-prefix=INTEGER

// A trained spiking network says itself what pixels and neurons are; options do not change it.

// CHECK:       snn.neuron @integrate_and_fire_soft_ge_leak3 causal
// CHECK:         %{{.*}} = arith.muli %v, %{{.*}} : i64
// CHECK:       func.func
// CHECK:         snn.encode %{{.*}} scale array<f64: 5.0{{0*}}e-01> zero array<f64: 0.0{{0*}}e+00> {{.*}} -> !snn.train<1x1x1, direct, 8>
// CHECK:         snn.fire %{{.*}} with @integrate_and_fire_soft_ge_leak3 name "dense1"
// CHECK-SAME:      bias dense<[2.5{{0*}}e-01, -1.0{{0*}}e+00]>
// CHECK-SAME:      threshold dense<1.5{{0*}}e+00> : tensor<1xf32>
// CHECK-SAME:      given {bits = 3 : i64, fraction = 1 : i64, unit = array<f64: 2.5{{0*}}e-01, 5.0{{0*}}e-01>, bias = array<i64: 2, -4>, theta = array<i64: 12, 6>}
// CHECK-SAME:      -> !snn.train<2x1x1, rate, 5>
// CHECK:         snn.readout %{{.*}} with @readout_rate {{.*}} given {bits = 3 : i64, fraction = 0 : i64, unit = array<f64: 7.5{{0*}}e-01>, bias = array<i64: 7>}

// The integers arrive as they are: the first weights are 1.5 * 0.5 / 0.25 = 3 and -1, and the second
// ones, behind spikes that are worth 1.5, 0.5 * 1.5 / 0.75 = 1 and -2.

// INTEGER:       snn.dense %{{.*}} weight_bits 3 weights dense<{{.}}[3], [-1]]>
// INTEGER:       snn.fire %{{.*}} fraction 1 {{.*}} unit array<f64: 1.5{{0*}}e+00, 1.5{{0*}}e+00> params {theta = dense<[12, 6]> : tensor<2xi32>, bias = dense<[2, -4]> : tensor<2xi32>}
// INTEGER:       snn.dense %{{.*}} weight_bits 3 weights dense<{{.}}[1, -2]]>
// INTEGER:       snn.readout %{{.*}} fraction 0 {{.*}} scale array<f64: 1.5{{0*}}e-01> params {bias = dense<7> : tensor<1xi32>}
func.func @network(%image: tensor<1x1x1x1xf32>) -> tensor<1x1xf32> {
  %p = onnx.Pixels %image {scale = [0.5], zero = [0], node = "pixels"} : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1xf32>
  %f = onnx.Flatten %p : (tensor<1x1x1x1xf32>) -> tensor<1x1xf32>
  %w = onnx.Constant dense<[[1.5], [-1.0]]> : tensor<2x1xf32>
  %d = onnx.Gemm %f, %w {transB = 1} : (tensor<1x1xf32>, tensor<2x1xf32>) -> tensor<1x2xf32>
  %n = onnx.Neurons %d {coding = "rate", steps = 5, unit = [0.25, 0.5], bias = [2, -4], theta = [12, 6], spike = 1.5, fraction = 1, weight_bits = 3, leak = 3, node = "neurons1"} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v = onnx.Constant dense<[[0.5, -1.0]]> : tensor<1x2xf32>
  %e = onnx.Gemm %n, %v {transB = 1} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %o = onnx.Readout %e {unit = [0.75], bias = [7], fraction = 0, weight_bits = 3} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %o : tensor<1x1xf32>
}
