// RUN: python %S/Inputs/calibration.py %t.npz
// RUN: not snn-opt %s -p 'threshold-balance{calibration=%t.npz}' 2>&1 | filecheck %s --check-prefix=SHAPE
// RUN: not snn-opt %s -p 'threshold-balance{calibration=%t.npz.missing}' 2>&1 | filecheck %s --check-prefix=MISSING
// RUN: not snn-opt %s -p 'threshold-balance{calibration=%s}' 2>&1 | filecheck %s --check-prefix=FORMAT
// RUN: not snn-opt %s -p 'threshold-balance{calibration=%t.npz.nan}' 2>&1 | filecheck %s --check-prefix=NAN
// RUN: not snn-opt %s -p 'threshold-balance{calibration=%t.npz.y}' 2>&1 | filecheck %s --check-prefix=NOX
// RUN: not snn-opt %s -p 'threshold-balance{percentile=0}' 2>&1 | filecheck %s --check-prefix=PERCENT
// RUN: not snn-opt %s -p 'threshold-balance{method=median}' 2>&1 | filecheck %s --check-prefix=METHOD

// SHAPE: array 'x': each image is 1, the network takes 1x2x2; images come as an array (N, C, H, W)
// MISSING: npz.missing: error: pass 'threshold-balance': no such calibration file
// FORMAT: not an .npz archive
// NAN: array 'x' holds NaN or infinite values
// NOX: no array 'x' in the archive, only y
// PERCENT: percentile is 0.0, allowed is above 0 up to 100
// METHOD: max|percentile|mse|learned

func.func @network(%image: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %in = snn.encode %image : tensor<1x1x2x2xf32> -> !snn.train<1x2x2, direct, 8>
  %c = snn.one_to_one %in weights dense<1.0> : tensor<1xf32> : !snn.train<1x2x2, direct, 8> -> !snn.current<1x2x2, direct, 8>
  %out = snn.readout %c name "out" : !snn.current<1x2x2, direct, 8> -> tensor<1x1x2x2xf32>
  func.return %out : tensor<1x1x2x2xf32>
}
