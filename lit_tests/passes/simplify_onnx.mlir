// RUN: snn-opt %s -p simplify-onnx | filecheck %s

// What an exporter writes as Pad, Conv, Add, MaxPool, Relu, Reshape, MatMul and Add is two layers.

// CHECK-LABEL: func.func @network
// CHECK-DAG:   [[W:%.*]] = onnx.Constant dense<2.0{{.*}}> : tensor<2x1x3x3xf32>
// CHECK-DAG:   [[B:%.*]] = onnx.Constant dense<[1.0{{.*}}, -1.0{{.*}}]> : tensor<2xf32>
// CHECK:       [[C:%.*]] = onnx.Conv %x, [[W]], [[B]] {pads = [1, 1, 1, 1], node = "conv"}
// CHECK-NEXT:  [[R:%.*]] = onnx.Relu [[C]]
// CHECK-NEXT:  [[P:%.*]] = onnx.MaxPool [[R]] {kernel_shape = [2, 2], strides = [2, 2]}
// CHECK-NEXT:  [[F:%.*]] = onnx.Flatten [[P]] : (tensor<1x2x2x2xf32>) -> tensor<1x8xf32>
// CHECK-DAG:   [[V:%.*]] = onnx.Constant dense<3.0{{.*}}> : tensor<2x8xf32>
// CHECK-DAG:   [[D:%.*]] = onnx.Constant dense<[4.0{{.*}}, 5.0{{.*}}]> : tensor<2xf32>
// CHECK:       [[G:%.*]] = onnx.Gemm [[F]], [[V]], [[D]] {transB = 1, node = "fc"}
// CHECK-NEXT:  func.return [[G]]
func.func @network(%x: tensor<1x1x4x4xf32>) -> tensor<1x2xf32> {
  %0 = onnx.Pad %x {pads = [0, 0, 1, 1, 0, 0, 1, 1]} : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32>
  %w = onnx.Constant dense<2.0> : tensor<2x1x3x3xf32>
  %1 = onnx.Conv %0, %w {node = "conv"} : (tensor<1x1x6x6xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x4x4xf32>
  %b = onnx.Constant dense<[[[1.0]], [[-1.0]]]> : tensor<2x1x1xf32>
  %2 = onnx.Add %b, %1 {node = "bias"} : (tensor<2x1x1xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = onnx.MaxPool %2 {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %4 = onnx.Relu %3 : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %5 = onnx.Dropout %4 : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %6 = onnx.Reshape %5 {shape = [1, 8]} : (tensor<1x2x2x2xf32>) -> tensor<1x8xf32>
  %v = onnx.Constant dense<3.0> : tensor<2x4x2xf32>
  %7 = onnx.Reshape %v {shape = [8, 2]} : (tensor<2x4x2xf32>) -> tensor<8x2xf32>
  %8 = onnx.MatMul %6, %7 {node = "fc"} : (tensor<1x8xf32>, tensor<8x2xf32>) -> tensor<1x2xf32>
  %d = onnx.Constant dense<[[4.0, 5.0]]> : tensor<1x2xf32>
  %9 = onnx.Add %8, %d : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %9 : tensor<1x2xf32>
}

// A network in its final form stays as it is.

// CHECK-LABEL: func.func @nothing_to_do
// CHECK-NEXT:  %w = onnx.Constant
// CHECK-NEXT:  %0 = onnx.Conv %x, %w {pads = [1, 1, 1, 1]}
// CHECK-NEXT:  %1 = onnx.Add %0, %x
// CHECK-NEXT:  %2 = onnx.Clip %1 {min = 0.0, max = 6.0}
// CHECK-NEXT:  func.return %2
func.func @nothing_to_do(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = onnx.Constant dense<2.0> : tensor<1x1x3x3xf32>
  %0 = onnx.Conv %x, %w {pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  %1 = onnx.Add %0, %x : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %2 = onnx.Clip %1 {min = 0.0, max = 6.0} : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %2 : tensor<1x1x4x4xf32>
}

// alpha, beta, transA and transB of a Gemm go into its weights: here w.T * 2 and b * 3.

// CHECK-LABEL: func.func @gemm
// CHECK-DAG:   [[W:%.*]] = onnx.Constant dense<{{\[}}[2.0{{.*}}, 6.0{{.*}}, 1.0{{.*}}], [4.0{{.*}}, 8.0{{.*}}, 1.2{{.*}}]]> : tensor<2x3xf32>
// CHECK-DAG:   [[B:%.*]] = onnx.Constant dense<3.0{{.*}}> : tensor<2xf32>
// CHECK:       onnx.Gemm %x, [[W]], [[B]] {transB = 1} :
func.func @gemm(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %b = onnx.Constant dense<1.0> : tensor<1x1xf32>
  %0 = onnx.Gemm %x, %w, %b {alpha = 2.0, beta = 3.0} : (tensor<1x3xf32>, tensor<3x2xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  func.return %0 : tensor<1x2xf32>
}

// (x - 1) / 2 before a layer without padding goes into its weights: w / 2 and b - sum(w / 2).

// CHECK-LABEL: func.func @normalised_input
// CHECK-DAG:   [[W:%.*]] = onnx.Constant dense<5.0{{.*}}e-01> : tensor<1x1x2x2xf32>
// CHECK-DAG:   [[B:%.*]] = onnx.Constant dense<-2.0{{.*}}> : tensor<1xf32>
// CHECK:       [[C:%.*]] = onnx.Conv %x, [[W]], [[B]] :
// CHECK-NEXT:  func.return [[C]]
func.func @normalised_input(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32> {
  %mean = onnx.Constant dense<1.0> : tensor<f32>
  %std = onnx.Constant dense<2.0> : tensor<1x1x1x1xf32>
  %0 = onnx.Sub %x, %mean : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xf32>
  %1 = onnx.Div %0, %std : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %w = onnx.Constant dense<1.0> : tensor<1x1x2x2xf32>
  %2 = onnx.Conv %1, %w : (tensor<1x1x4x4xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x3x3xf32>
  func.return %2 : tensor<1x1x3x3xf32>
}

// With padding only the division can go: the zeros around the image would become (0 - 1) / 2.

// CHECK-LABEL: func.func @normalised_padded_input
// CHECK:       [[M:%.*]] = onnx.Constant dense<-1.0{{.*}}> : tensor<f32>
// CHECK:       [[A:%.*]] = onnx.Add %x, [[M]]
// CHECK:       [[W:%.*]] = onnx.Constant dense<5.0{{.*}}e-01> : tensor<1x1x3x3xf32>
// CHECK:       onnx.Conv [[A]], [[W]] {pads = [1, 1, 1, 1]} :
func.func @normalised_padded_input(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %mean = onnx.Constant dense<1.0> : tensor<f32>
  %std = onnx.Constant dense<2.0> : tensor<1x1x1x1xf32>
  %0 = onnx.Sub %x, %mean : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xf32>
  %1 = onnx.Div %0, %std : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %w = onnx.Constant dense<1.0> : tensor<1x1x3x3xf32>
  %2 = onnx.Conv %1, %w {pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  func.return %2 : tensor<1x1x4x4xf32>
}

// A bias is not moved into a layer that is read elsewhere too.

// CHECK-LABEL: func.func @read_twice
// CHECK:       [[C:%.*]] = onnx.Conv %x, %w :
// CHECK:       [[A:%.*]] = onnx.Add [[C]], %b
// CHECK:       onnx.Add [[A]], [[C]]
func.func @read_twice(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = onnx.Constant dense<2.0> : tensor<1x1x1x1xf32>
  %b = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %0 = onnx.Conv %x, %w : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %1 = onnx.Add %0, %b : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %2 = onnx.Add %1, %0 : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  func.return %2 : tensor<1x1x4x4xf32>
}

// A mean over the map is an average pool; a Pad is counted by the pool behind it.

// CHECK-LABEL: func.func @means
// CHECK:       [[P:%.*]] = onnx.AveragePool %x {count_include_pad = 1, kernel_shape = [2, 2], strides = [2, 2], pads = [1, 1, 1, 1]}
// CHECK-NEXT:  [[Q:%.*]] = onnx.AveragePool [[P]] {kernel_shape = [3, 3]}
// CHECK-NEXT:  [[F:%.*]] = onnx.Flatten [[Q]] : (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>
// CHECK-NEXT:  func.return [[F]]
func.func @means(%x: tensor<1x2x4x4xf32>) -> tensor<1x2xf32> {
  %0 = onnx.Pad %x {pads = [0, 0, 1, 1, 0, 0, 1, 1]} : (tensor<1x2x4x4xf32>) -> tensor<1x2x6x6xf32>
  %1 = onnx.AveragePool %0 {kernel_shape = [2, 2], strides = [2, 2]} : (tensor<1x2x6x6xf32>) -> tensor<1x2x3x3xf32>
  %2 = onnx.ReduceMean %1 {axes = [-1, -2], keepdims = 0} : (tensor<1x2x3x3xf32>) -> tensor<1x2xf32>
  %3 = onnx.Unsqueeze %2 {axes = [0]} : (tensor<1x2xf32>) -> tensor<1x1x2xf32>
  %4 = onnx.Squeeze %3 {axes = [0]} : (tensor<1x1x2xf32>) -> tensor<1x2xf32>
  func.return %4 : tensor<1x2xf32>
}

// Zeros in front of a MaxPool are its padding only where no value is negative.

// CHECK-LABEL: func.func @padded_maximum
// CHECK:       onnx.Pad %x
// CHECK:       onnx.MaxPool %{{.*}} {kernel_shape = [2, 2]} :
// CHECK:       [[R:%.*]] = onnx.Relu %x
// CHECK-NEXT:  onnx.MaxPool [[R]] {kernel_shape = [2, 2], pads = [1, 1, 0, 0]} :
func.func @padded_maximum(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %0 = onnx.Pad %x {pads = [0, 0, 1, 1, 0, 0, 0, 0]} : (tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32>
  %1 = onnx.MaxPool %0 {kernel_shape = [2, 2]} : (tensor<1x2x5x5xf32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Relu %x : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = onnx.Pad %2 {pads = [0, 0, 1, 1, 0, 0, 0, 0]} : (tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32>
  %4 = onnx.MaxPool %3 {kernel_shape = [2, 2]} : (tensor<1x2x5x5xf32>) -> tensor<1x2x4x4xf32>
  %5 = onnx.Add %1, %4 : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  func.return %5 : tensor<1x2x4x4xf32>
}

// Activations in a row become one.

// CHECK-LABEL: func.func @activations
// CHECK-NEXT:  [[C:%.*]] = onnx.Clip %x {min = 0.0, max = 6.0}
// CHECK-NEXT:  func.return [[C]]
func.func @activations(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = onnx.Clip %x {min = -1.0, max = 6.0} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = onnx.Relu %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = onnx.Clip %1 {max = 7.0} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %3 = onnx.Relu %2 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %3 : tensor<1x4xf32>
}

// A channels-last Flatten: the Gemm's columns are put into the order of the map instead.

// CHECK-LABEL: func.func @channels_last
// CHECK:       [[F:%.*]] = onnx.Flatten %x
// CHECK:       [[W:%.*]] = onnx.Constant dense<{{\[}}[0.0{{.*}}, 2.0{{.*}}, 1.0{{.*}}, 3.0{{.*}}]]> : tensor<1x4xf32>
// CHECK:       onnx.Gemm [[F]], [[W]] {transB = 1}
func.func @channels_last(%x: tensor<1x2x1x2xf32>) -> tensor<1x1xf32> {
  %0 = onnx.Transpose %x {perm = [0, 2, 3, 1]} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %1 = onnx.Flatten %0 : (tensor<1x1x2x2xf32>) -> tensor<1x4xf32>
  %w = onnx.Constant dense<[[0.0, 1.0, 2.0, 3.0]]> : tensor<1x4xf32>
  %2 = onnx.Gemm %1, %w {transB = 1} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x1xf32>
  func.return %2 : tensor<1x1xf32>
}
