// RUN: snn-opt %s -p fold-batchnorm | filecheck %s

// gain = scale / sqrt(var + epsilon) = 2 and shift = bias - mean * gain = 1 go into the Conv:
// w' = 2 * w and b' = 2 * b + 1.

// CHECK-LABEL: func.func @into_layer_before
// CHECK-DAG:   [[W:%.*]] = onnx.Constant {node = "w"} dense<2.0{{.*}}> : tensor<1x1x3x3xf32>
// CHECK-DAG:   [[B:%.*]] = onnx.Constant dense<7.0{{.*}}> : tensor<1xf32>
// CHECK:       [[C:%.*]] = onnx.Conv %x, [[W]], [[B]] {pads = [1, 1, 1, 1], node = "conv"}
// CHECK-NEXT:  onnx.Relu [[C]]
func.func @into_layer_before(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = onnx.Constant {node = "w"} dense<1.0> : tensor<1x1x3x3xf32>
  %b = onnx.Constant dense<3.0> : tensor<1xf32>
  %0 = onnx.Conv %x, %w, %b {pads = [1, 1, 1, 1], node = "conv"} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  %scale = onnx.Constant dense<4.0> : tensor<1xf32>
  %bias = onnx.Constant dense<5.0> : tensor<1xf32>
  %mean = onnx.Constant dense<2.0> : tensor<1xf32>
  %var = onnx.Constant dense<3.0> : tensor<1xf32>
  %1 = onnx.BatchNormalization %0, %scale, %bias, %mean, %var {epsilon = 1.0} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  %2 = onnx.Relu %1 : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %2 : tensor<1x1x4x4xf32>
}

// CHECK-LABEL: func.func @nothing_to_do
// CHECK-NEXT:  %w = onnx.Constant dense<1.0{{.*}}> : tensor<2x3xf32>
// CHECK-NEXT:  %0 = onnx.Gemm %x, %w {transB = 1}
// CHECK-NEXT:  func.return %0
func.func @nothing_to_do(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x3xf32>
  %0 = onnx.Gemm %x, %w {transB = 1} : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  func.return %0 : tensor<1x2xf32>
}

// Behind a Relu there is no layer to go into, so it goes through the pool and Flatten into the
// Gemm that follows: w' = 2 * w, b' = w @ 1.

// CHECK-LABEL: func.func @into_layer_behind
// CHECK:       [[R:%.*]] = onnx.Relu %x
// CHECK:       [[P:%.*]] = onnx.MaxPool [[R]]
// CHECK:       [[F:%.*]] = onnx.Flatten [[P]]
// CHECK-DAG:   [[W:%.*]] = onnx.Constant dense<{{\[}}[2.0{{.*}}, 4.0{{.*}}, 6.0{{.*}}, 8.0{{.*}}]]> : tensor<1x4xf32>
// CHECK-DAG:   [[B:%.*]] = onnx.Constant dense<1.0{{.*}}e+01> : tensor<1xf32>
// CHECK:       onnx.Gemm [[F]], [[W]], [[B]] {transB = 1}
func.func @into_layer_behind(%x: tensor<1x1x4x4xf32>) -> tensor<1x1xf32> {
  %0 = onnx.Relu %x : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %scale = onnx.Constant dense<4.0> : tensor<1xf32>
  %bias = onnx.Constant dense<5.0> : tensor<1xf32>
  %mean = onnx.Constant dense<2.0> : tensor<1xf32>
  %var = onnx.Constant dense<3.0> : tensor<1xf32>
  %1 = onnx.BatchNormalization %0, %scale, %bias, %mean, %var {epsilon = 1.0} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  %2 = onnx.MaxPool %1 {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  %3 = onnx.Flatten %2 : (tensor<1x1x2x2xf32>) -> tensor<1x4xf32>
  %w = onnx.Constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %4 = onnx.Gemm %3, %w {transB = 1} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x1xf32>
  func.return %4 : tensor<1x1xf32>
}

// The Conv behind it has zero padding, which a shift would change: it becomes a 1x1 layer.

// CHECK-LABEL: func.func @own_layer
// CHECK-DAG:   [[W:%.*]] = onnx.Constant dense<2.0{{.*}}> : tensor<2x1x1x1xf32>
// CHECK-DAG:   [[B:%.*]] = onnx.Constant dense<1.0{{.*}}> : tensor<2xf32>
// CHECK:       [[D:%.*]] = onnx.Conv %x, [[W]], [[B]] {group = 2, node = "bn"}
// CHECK:       onnx.Conv [[D]], %w {pads = [1, 1, 1, 1]}
func.func @own_layer(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %scale = onnx.Constant dense<4.0> : tensor<2xf32>
  %bias = onnx.Constant dense<5.0> : tensor<2xf32>
  %mean = onnx.Constant dense<2.0> : tensor<2xf32>
  %var = onnx.Constant dense<3.0> : tensor<2xf32>
  %0 = onnx.BatchNormalization %x, %scale, %bias, %mean, %var {epsilon = 1.0, node = "bn"} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %w = onnx.Constant dense<1.0> : tensor<1x2x3x3xf32>
  %1 = onnx.Conv %0, %w {pads = [1, 1, 1, 1]} : (tensor<1x2x4x4xf32>, tensor<1x2x3x3xf32>) -> tensor<1x1x4x4xf32>
  func.return %1 : tensor<1x1x4x4xf32>
}

// Without spatial dimensions and without a neighbour it becomes a diagonal Gemm.

// CHECK-LABEL: func.func @own_matrix
// CHECK-DAG:   [[W:%.*]] = onnx.Constant dense<{{\[}}[2.0{{.*}}, 0.0{{.*}}], [0.0{{.*}}, 2.0{{.*}}]]> : tensor<2x2xf32>
// CHECK-DAG:   [[B:%.*]] = onnx.Constant dense<1.0{{.*}}> : tensor<2xf32>
// CHECK:       onnx.Gemm %x, [[W]], [[B]] {transB = 1}
func.func @own_matrix(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %scale = onnx.Constant dense<4.0> : tensor<2xf32>
  %bias = onnx.Constant dense<5.0> : tensor<2xf32>
  %mean = onnx.Constant dense<2.0> : tensor<2xf32>
  %var = onnx.Constant dense<3.0> : tensor<2xf32>
  %0 = onnx.BatchNormalization %x, %scale, %bias, %mean, %var {epsilon = 1.0} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %0 : tensor<1x2xf32>
}
