// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2}' --split-input-file | filecheck %s
// RUN: snn-opt %s -p 'tile-to-pe{banks=4 channels=4 planes=8 acc-bits=20 membrane-bits=24 fifo=8}' --split-input-file | filecheck %s --check-prefix WIDE
// RUN: snn-opt %s -p 'tile-to-pe{banks=1 channels=2 weight-bits=2}' --split-input-file | filecheck %s --check-prefix DIGITS
// RUN: snn-opt %s -p 'tile-to-pe{target=pynq-z2}' --split-input-file | filecheck %s --check-prefix AUTO
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2 weights=stream}' --split-input-file | filecheck %s --check-prefix STREAM
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2 weights=stream ports=2}' --split-input-file | filecheck %s --check-prefix PORTS
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2 weights=stream ring=16}' --split-input-file | filecheck %s --check-prefix RING
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2 weights=onchip}' --split-input-file | filecheck %s
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2 maps=ddr bands=2}' --split-input-file | filecheck %s --check-prefix BANDS
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2 maps=ddr}' --split-input-file | filecheck %s --check-prefix DDR
// RUN: snn-opt %s -p 'tile-to-pe{banks=2 channels=2 maps=onchip}' --split-input-file | filecheck %s

// A layer of two channels and a readout, on two banks of two channels. Four time steps make four
// planes, so the image of 8 bits comes in two words, of which the upper one counts 16 times as much;
// both are walked by the same three runs, one for each row of the 3x3 window. Its one channel goes
// through both banks in turn (rotated: every bank keeps all nine weights, by_bank). The readout is a
// window over the whole map: one run for each of its rows.

// CHECK-LABEL: pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 3, acc_bits = 9, membrane_bits = 13, fifo = 16, drain = 1> {
// CHECK-NEXT:    %[[HIGH:.*]], %[[LOW:.*]] = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
// CHECK-NEXT:    %[[MAP:.*]] = pe.layer "conv1" with @radix steps 4 pixels [2, 2] {
// CHECK-NEXT:      pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>, bias = dense<0> : tensor<2xi32>} {
// CHECK-NEXT:        pe.stream %[[HIGH]] shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0], [0, 1, 0, 3, 3], [0, 2, 0, 3, 6]]> : tensor<3x5xi32> weights dense<1> : tensor<2x9x2xi8>
// CHECK-NEXT:        pe.stream %[[LOW]] bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0], [0, 1, 0, 3, 3], [0, 2, 0, 3, 6]]>
// CHECK:         } : !pe.map<2x2x2, radix, 4, block 2, pitch 2>
// CHECK-NEXT:    %[[OUT:.*]] = pe.layer "out" with @readout_radix steps 4 pixels [1, 1] {
// CHECK-NEXT:      pe.tile channels [0, 2]
// CHECK-NEXT:        pe.stream %[[MAP]] bounds [2, 2] advance 1 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 2]]> : tensor<2x5xi32> weights dense<3> : tensor<2x4x2xi8>
// CHECK:         } : !pe.potentials<2x1x1>
// CHECK-NEXT:    pe.send %[[OUT]]

// Weights from DDR change nothing but the depth of the banks' weight memories.
// STREAM-LABEL: pe.program @net array #pe.array<{{.*}}> ring 512 {
// Two read ports: each bank has its own.
// PORTS-LABEL:  pe.program @net array #pe.array<banks = 2, {{.*}}, ports = 2> ring 512 {
// RING-LABEL:   pe.program @net array #pe.array<{{.*}}> ring 16 {

// With feature maps in DDR, in two bands: each receives the three rows of the image under its one
// row of pixels, two of them a second time, and stores that row. The second band's runs are those of
// the first, for rows count from the first one on the chip. The readout needs the whole map.
// BANDS-LABEL: pe.program @net array
// BANDS-NEXT:    %[[BUFFER:.*]] = pe.buffer "conv1" : !pe.ddr<!pe.map<2x2x2, radix, 4, block 2, pitch 2>>
// BANDS-NEXT:    %[[HIGH:.*]], %[[LOW:.*]] = pe.receive bits 8 rows [0, 4] label "conv1.0.input" : !pe.map<1x3x4, direct, 4, block 1, pitch 1>,
// BANDS-NEXT:    %[[TOP:.*]] = pe.layer "conv1.0" of "conv1" band [0, 2, 0, 2] with @radix steps 4 pixels [1, 2] {
// BANDS:           pe.stream %[[HIGH]] shift 4 bounds [3, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0], [0, 1, 0, 3, 3], [0, 2, 0, 3, 6]]>
// BANDS:         } : !pe.map<2x1x2, radix, 4, block 2, pitch 2>
// BANDS-NEXT:    pe.store "conv1.0.store", %[[TOP]], %[[BUFFER]] row 0 : !pe.map<2x1x2, radix, 4, block 2, pitch 2>, !pe.ddr<
// BANDS-NEXT:    %[[HIGH1:.*]], %{{.*}} = pe.receive bits 8 rows [1, 4] label "conv1.1.input" : !pe.map<1x3x4,
// BANDS-NEXT:    pe.layer "conv1.1" of "conv1" band [1, 2, 1, 2]
// BANDS:           pe.stream %[[HIGH1]] shift 4 bounds [3, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0], [0, 1, 0, 3, 3], [0, 2, 0, 3, 6]]>
// BANDS:         pe.store "conv1.1.store", %{{.*}}, %[[BUFFER]] row 1
// BANDS-NEXT:    %[[MAP:.*]] = pe.load "out.load", %[[BUFFER]] row 0 : !pe.ddr<!pe.map<2x2x2, radix, 4, block 2, pitch 2>> -> !pe.map<2x2x2, radix, 4, block 2, pitch 2>
// BANDS-NEXT:    pe.layer "out" with @readout_radix
// BANDS:           pe.stream %[[MAP]] bounds [2, 2]

// As few bands as fit are one here; the map is stored and loaded whole.
// DDR-LABEL: pe.program @net array
// DDR-NEXT:    pe.buffer "conv1"
// DDR-NEXT:    pe.receive bits 8 rows [0, 4] label "conv1.input" : !pe.map<1x4x4,
// DDR-NEXT:    pe.layer "conv1" with
// DDR:         pe.store "conv1.store"
// DDR-NEXT:    pe.load "out.load"

// A machine that exists has its own array and ring; its neurons' pipelines have 10 stages.
// MACHINE-LABEL: pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> ring 512 stages 10 {

// Eight planes take the image in one word. A tile of four channels is not filled: the weights of the
// absent ones are 0.
// WIDE: pe.program @net array #pe.array<banks = 4, channels = 4, planes = 8, weight_bits = 3, acc_bits = 20, membrane_bits = 24, fifo = 8, drain = 1>
// WIDE-NEXT: pe.receive bits 8 : !pe.map<1x4x4, direct, 8, block 1, pitch 1>
// WIDE: pe.tile channels [0, 2]
// WIDE-NEXT: pe.stream {{.*}} weights dense<"0x0101000001010000
// WIDE: !pe.map<2x2x2, radix, 4, block 4, pitch 2>

// The readout's 3 does not fit 2 bits: it becomes 1 * 4 - 1.
// DIGITS: pe.program @net {{.*}} weight_bits = 2, acc_bits = 9
// DIGITS: pe.layer "out"
// DIGITS-NEXT: pe.tile
// DIGITS-NEXT: pe.stream {{.*}} shift 2 {{.*}} weights dense<1> : tensor<1x8x2xi8>
// DIGITS-NEXT: pe.stream {{.*}} weights dense<-1> : tensor<1x8x2xi8>

// The smallest array that is nearly as fast as the fastest one.
// AUTO: pe.program @net array #pe.array<banks = 1, channels = 2, planes = 4
snn.neuron @radix after state ["v"] params ["theta", "bias"] start {
^bb0(%theta: i64, %bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %theta: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %twice = arith.shli %v, %one : i64
  %next = arith.addi %twice, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64, %theta: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %sum = arith.addi %v, %bias : i64
  %half = arith.shrsi %theta, %one : i64
  %next = arith.addi %sum, %half : i64
  snn.yield %next : i64
} fire {
^bb0(%v: i64, %theta: i64, %bias: i64, %left: i64):
  %level = arith.shli %theta, %left : i64
  %spike = arith.cmpi sge, %v, %level : i64
  %rest = arith.subi %v, %level : i64
  %next = arith.select %spike, %rest, %v : i64
  snn.yield %next, %spike : i64, i1
}
snn.neuron @readout_radix none state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %twice = arith.shli %v, %one : i64
  %next = arith.addi %twice, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64, %bias: i64):
  %next = arith.addi %v, %bias : i64
  snn.yield %next : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
func.func @net(%image: tensor<1x1x4x4xf32>) -> tensor<1x2xf32> {
  %x = snn.encode %image scale array<f64: 1.0> zero array<f64: 0.0> : tensor<1x1x4x4xf32> -> !snn.train<1x4x4, direct, 8>
  %i = snn.conv %x weight_bits 4 weights dense<1> : tensor<2x1x3x3xi8> : !snn.train<1x4x4, direct, 8> -> !snn.current<2x2x2, direct, 8>
  %t = snn.fire %i with @radix name "conv1" params {theta = dense<3> : tensor<2xi32>, bias = dense<0> : tensor<2xi32>} : !snn.current<2x2x2, direct, 8> -> !snn.train<2x2x2, radix, 4>
  %j = snn.dense %t weight_bits 4 weights dense<3> : tensor<2x8xi8> : !snn.train<2x2x2, radix, 4> -> !snn.current<2x1x1, radix, 4>
  %v = snn.readout %j with @readout_radix name "out" params {bias = dense<0> : tensor<2xi32>} : !snn.current<2x1x1, radix, 4> -> tensor<1x2xf32>
  func.return %v : tensor<1x2xf32>
}

// -----

// Groups: each tile of two channels sees only the channels of its own group, here one block; runs
// over other blocks would meet zeros only and are left out.

// CHECK-LABEL: pe.program @grouped
// CHECK:         pe.layer "grouped"
// CHECK-NEXT:      pe.tile channels [0, 2]
// CHECK-NEXT:        pe.stream {{.*}} runs dense<{{\[\[}}0, 0, 0, 1, 0]]>
// CHECK:           pe.tile channels [2, 2]
// CHECK-NEXT:        pe.stream {{.*}} runs dense<{{\[\[}}1, 0, 0, 1, 0]]>

// An average pool of 2x2 makes four runs of one pixel, which share one weight row. The window of the
// pool is in the strides.

// CHECK:         pe.layer "out"
// CHECK:           pe.stream {{.*}} strides [2, 2] bounds [2, 3] advance 1 runs dense<{{\[\[}}0, 0, 0, 1, 0], [0, 0, 1, 1, -1], [0, 1, 0, 1, 0], [0, 1, 1, 1, -1], {{.*}}> : tensor<8x5xi32> weights dense<1> : tensor<2x2x2xi8>
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
func.func @grouped(%image: tensor<1x2x2x3xf32>) -> tensor<1x2xf32> {
  %x = snn.encode %image : tensor<1x2x2x3xf32> -> !snn.train<2x2x3, direct, 1>
  %i = snn.conv %x weight_bits 4 weights dense<1> : tensor<4x2x1x1xi8> : !snn.train<2x2x3, direct, 1> -> !snn.current<4x2x3, direct, 1>
  %t = snn.fire %i with @keep name "spread" params {} : !snn.current<4x2x3, direct, 1> -> !snn.train<4x2x3, rate, 1>
  %j = snn.conv %t groups 2 weight_bits 4 weights dense<1> : tensor<4x2x1x1xi8> : !snn.train<4x2x3, rate, 1> -> !snn.current<4x2x3, rate, 1>
  %u = snn.fire %j with @keep name "grouped" params {} : !snn.current<4x2x3, rate, 1> -> !snn.train<4x2x3, rate, 1>
  %s = snn.sum_pool %u kernel [2, 2] strides [2, 2] : !snn.train<4x2x3, rate, 1> -> !snn.sum<4x1x1, rate, 1, 4>
  %k = snn.conv %s weight_bits 4 weights dense<1> : tensor<2x4x1x1xi8> : !snn.sum<4x1x1, rate, 1, 4> -> !snn.current<2x1x1, rate, 1>
  %v = snn.readout %k with @keep name "out" params {} : !snn.current<2x1x1, rate, 1> -> tensor<1x2xf32>
  func.return %v : tensor<1x2xf32>
}

// -----

// A max pool belongs to the layer below it. Where the trains are needed un-pooled as well (or are
// pooled already), a relay of one-to-one synapses emits them again, and is pooled instead; its
// neuron is made if the module has no equal one. Both branches of the sum are streams of one tile;
// the one-to-one weight 100 is wider than the array's 4 bits: 6 * 16 + 4.

// CHECK-LABEL: pe.program @pools array {{.*}} weight_bits = 4
// CHECK:         %[[A:.*]] = pe.layer "a" with @keep steps 1 pixels [2, 4] kernel [2, 2] strides [1, 2] pads [1, 0, 0, 0] {
// CHECK:         } : !pe.map<1x2x2, rate, 1,
// CHECK-NEXT:    %[[R:.*]] = pe.layer "a.pool.relay" with @relay_rate steps 1 pixels [2, 2] kernel [2, 1] pads [1, 0, 0, 0] {
// CHECK-NEXT:      pe.tile channels [0, 1] params {theta = dense<1> : tensor<1xi32>, bias = dense<0> : tensor<1xi32>}
// CHECK-NEXT:        pe.stream %[[A]] {{.*}} weights dense<{{\[\[}}[1, 0]], {{.*}}
// CHECK:         } : !pe.map<1x2x2, rate, 1,
// CHECK-NEXT:    pe.layer "out" with @keep
// CHECK-NEXT:      pe.tile
// CHECK-NEXT:        pe.stream %[[R]] shift 4 {{.*}} weights dense<{{\[\[}}[6, 0]]
// CHECK-NEXT:        pe.stream %[[A]] bounds
// CHECK-NEXT:        pe.stream %[[R]] bounds {{.*}} weights dense<{{\[\[}}[4, 0]]
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
func.func @pools(%image: tensor<1x1x2x4xf32>) -> tensor<1x1x2x2xf32> {
  %x = snn.encode %image : tensor<1x1x2x4xf32> -> !snn.train<1x2x4, direct, 1>
  %i = snn.conv %x weight_bits 4 weights dense<7> : tensor<1x1x1x1xi8> : !snn.train<1x2x4, direct, 1> -> !snn.current<1x2x4, direct, 1>
  %t = snn.fire %i with @keep name "a" params {} : !snn.current<1x2x4, direct, 1> -> !snn.train<1x2x4, rate, 1>
  %p = snn.max_pool %t kernel [2, 2] strides [1, 2] pads [1, 0, 0, 0] : !snn.train<1x2x4, rate, 1> -> !snn.train<1x2x2, rate, 1>
  %q = snn.max_pool %p kernel [2, 1] pads [1, 0, 0, 0] : !snn.train<1x2x2, rate, 1> -> !snn.train<1x2x2, rate, 1>
  %j = snn.conv %p weight_bits 4 weights dense<1> : tensor<1x1x1x1xi8> : !snn.train<1x2x2, rate, 1> -> !snn.current<1x2x2, rate, 1>
  %k = snn.one_to_one %q weight_bits 8 weights dense<100> : tensor<1xi8> : !snn.train<1x2x2, rate, 1> -> !snn.current<1x2x2, rate, 1>
  %s = snn.add %j, %k : !snn.current<1x2x2, rate, 1>, !snn.current<1x2x2, rate, 1> -> !snn.current<1x2x2, rate, 1>
  %v = snn.readout %s with @keep name "out" params {} : !snn.current<1x2x2, rate, 1> -> tensor<1x1x2x2xf32>
  func.return %v : tensor<1x1x2x2xf32>
}

// -----

// A sample is three windows: neurons keep their states, each of so many bits as three windows take.
// A pool with overlapping windows would compute pixels twice; it is given to a relay, which keeps
// nothing.

// CHECK-LABEL: pe.program @stream array {{.*}} windows 3 {
// CHECK:         pe.layer "a" with @keep steps 1 pixels [1, 4] kept [5] {
// CHECK:         pe.layer "a.relay" with @relay_rate steps 1 pixels [1, 4] kernel [1, 2] {
// CHECK:         pe.layer "out" with @add steps 1 pixels [1, 3] kept [3] {
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
  %four = arith.constant 4 : i64
  %spike = arith.cmpi sge, %v, %four : i64
  snn.yield %v, %spike : i64, i1
}
snn.neuron @add none state ["v"] params [] start {
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
func.func @stream(%events: tensor<1x1x1x4xf32>) -> tensor<1x1x1x3xf32> {
  %x = snn.encode %events windows 3 : tensor<1x1x1x4xf32> -> !snn.train<1x1x4, rate, 1>
  %i = snn.conv %x weight_bits 4 weights dense<3> : tensor<1x1x1x1xi8> : !snn.train<1x1x4, rate, 1> -> !snn.current<1x1x4, rate, 1>
  %t = snn.fire %i with @keep name "a" params {} : !snn.current<1x1x4, rate, 1> -> !snn.train<1x1x4, rate, 1>
  %p = snn.max_pool %t kernel [1, 2] : !snn.train<1x1x4, rate, 1> -> !snn.train<1x1x3, rate, 1>
  %j = snn.conv %p weight_bits 4 weights dense<1> : tensor<1x1x1x1xi8> : !snn.train<1x1x3, rate, 1> -> !snn.current<1x1x3, rate, 1>
  %v = snn.readout %j with @add name "out" params {} : !snn.current<1x1x3, rate, 1> -> tensor<1x1x1x3xf32>
  func.return %v : tensor<1x1x1x3xf32>
}
