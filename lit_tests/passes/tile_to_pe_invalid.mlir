// RUN: snn-opt %s -p 'tile-to-pe{planes=1}' --split-input-file --verify-diagnostics
// RUN: not snn-opt %s -p 'tile-to-pe{banks=3}' 2>&1 | filecheck %s --check-prefix BANKS
// BANKS: error: pass 'tile-to-pe': banks=3 must be a power of two
// RUN: not snn-opt %s -p 'tile-to-pe{channels=500}' 2>&1 | filecheck %s --check-prefix CHANNELS
// CHANNELS: error: pass 'tile-to-pe': channels=500 is impossible, use 1 to 256, or 0
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{target=pynq-z1}' 2>&1 | filecheck %s --check-prefix TARGET
// TARGET: error: pass 'tile-to-pe': unknown target 'pynq-z1'; did you mean 'pynq-z2'?
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{target=nowhere.toml}' 2>&1 | filecheck %s --check-prefix FILE
// FILE: nowhere.toml: error: {{.*}}cannot read the target: No such file or directory
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{weights=flash}' 2>&1 | filecheck %s --check-prefix WEIGHTS
// WEIGHTS: error: pass 'tile-to-pe': weights=flash is impossible, use auto, onchip, stream
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{maps=disk}' 2>&1 | filecheck %s --check-prefix MAPS
// MAPS: error: pass 'tile-to-pe': maps=disk is impossible, use auto, onchip, ddr
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{maps=onchip bands=2}' 2>&1 | filecheck %s --check-prefix BANDS
// BANDS: error: pass 'tile-to-pe': bands=2 is impossible with maps=onchip; leave it out
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{maps=ddr machine=x.json}' 2>&1 | filecheck %s --check-prefix MACHINE
// MACHINE: error: pass 'tile-to-pe': a machine for many programs keeps all feature maps on the chip; use maps=onchip
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{ring=3}' 2>&1 | filecheck %s --check-prefix RING
// RING: error: pass 'tile-to-pe': ring=3 must be a power of two
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{ports=3}' 2>&1 | filecheck %s --check-prefix PORTS
// PORTS: error: pass 'tile-to-pe': ports=3 must be a power of two
// RUN: not snn-opt --split-input-file %S/tile_to_pe.mlir -p 'tile-to-pe{banks=1 channels=2 weights=stream ports=2}' 2>&1 | filecheck %s --check-prefix FEW
// FEW: error: pass 'tile-to-pe': array ports is 2, must be at most the 1 banks
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{machine=x.json banks=2}' 2>&1 | filecheck %s --check-prefix BOTH
// BOTH: error: pass 'tile-to-pe': banks and machine cannot both be given; leave one of them out
// RUN: not snn-opt --split-input-file %s -p 'tile-to-pe{machine=x.json weights=onchip}' 2>&1 | filecheck %s --check-prefix CHIP
// CHIP: error: pass 'tile-to-pe': a machine for many programs takes its weights from DDR

// expected-error @unknown {{the module has 0 functions, a network is exactly one}}

// -----

// The network is not converted yet.
// expected-error @+2 {{no snn.encode: the network is not converted}}
func.func @empty() {
  func.return
}

// -----

// Weights are float.
snn.neuron @keep causal state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
func.func @floats(%image: tensor<1x1x1x1xf32>) -> tensor<1x1xf32> {
  %x = snn.encode %image : tensor<1x1x1x1xf32> -> !snn.train<1x1x1, direct, 8>
  // expected-error @below {{out: the weights are not integers}}
  %i = snn.dense %x weights dense<1.0> : tensor<1x1xf32> : !snn.train<1x1x1, direct, 8> -> !snn.current<1x1x1, direct, 8>
  %v = snn.readout %i with @keep name "out" params {} : !snn.current<1x1x1, direct, 8> -> tensor<1x1xf32>
  func.return %v : tensor<1x1xf32>
}

// -----

// Two time steps do not fit one plane.
snn.neuron @keep causal state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %left: i64):
  %zero = arith.constant 0 : i64
  %spike = arith.cmpi sgt, %v, %zero : i64
  snn.yield %zero, %spike : i64, i1
}
func.func @planes(%image: tensor<1x1x1x1xf32>) -> tensor<1x1xf32> {
  %x = snn.encode %image : tensor<1x1x1x1xf32> -> !snn.train<1x1x1, direct, 8>
  %i = snn.dense %x weight_bits 4 weights dense<1> : tensor<1x1xi8> : !snn.train<1x1x1, direct, 8> -> !snn.current<1x1x1, direct, 8>
  // expected-error @unknown {{planes=1 is less than the 2 steps of the trains; use planes=2 or fewer time steps}}
  %t = snn.fire %i with @keep name "a" params {} : !snn.current<1x1x1, direct, 8> -> !snn.train<1x1x1, rate, 2>
  %j = snn.dense %t weight_bits 4 weights dense<1> : tensor<1x1xi8> : !snn.train<1x1x1, rate, 2> -> !snn.current<1x1x1, rate, 2>
  %v = snn.readout %j with @keep name "out" params {} : !snn.current<1x1x1, rate, 2> -> tensor<1x1xf32>
  func.return %v : tensor<1x1xf32>
}

// -----

// Padding next to an overlapping average pool: the pool's windows beside the border see pixels that
// the padded window must not, and one bound cannot tell them apart.
snn.neuron @keep causal state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
func.func @overlap(%image: tensor<1x1x4x1xf32>) -> tensor<1x1x4x1xf32> {
  %x = snn.encode %image : tensor<1x1x4x1xf32> -> !snn.train<1x4x1, direct, 8>
  %s = snn.sum_pool %x kernel [3, 1] : !snn.train<1x4x1, direct, 8> -> !snn.sum<1x2x1, direct, 8, 3>
  // expected-error @below {{out: an average pool with overlapping windows feeds a padded synapse}}
  %i = snn.conv %s pads [2, 0, 2, 0] weight_bits 4 weights dense<1> : tensor<1x1x3x1xi8> : !snn.sum<1x2x1, direct, 8, 3> -> !snn.current<1x4x1, direct, 8>
  %v = snn.readout %i with @keep name "out" params {} : !snn.current<1x4x1, direct, 8> -> tensor<1x1x4x1xf32>
  func.return %v : tensor<1x1x4x1xf32>
}

// -----

// Pixels come in bytes.
// expected-error @unknown {{pixels have 9 bits, the machine receives 8}}
snn.neuron @keep causal state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
func.func @bytes(%image: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %x = snn.encode %image : tensor<1x1xf32> -> !snn.train<1x1x1, direct, 9>
  %i = snn.dense %x weight_bits 4 weights dense<1> : tensor<1x1xi8> : !snn.train<1x1x1, direct, 9> -> !snn.current<1x1x1, direct, 9>
  %v = snn.readout %i with @keep name "out" params {} : !snn.current<1x1x1, direct, 9> -> tensor<1x1xf32>
  func.return %v : tensor<1x1xf32>
}
