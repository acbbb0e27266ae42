// RUN: %roundtrip

// Before event-schedule: no addresses. Defaults (shift 0, stride 1, no pool, fraction 0) are not
// printed.

// CHECK:      pe.program @tiled array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
// CHECK-NEXT:   %hi, %lo = pe.receive bits 7 : !pe.map<1x4x4, direct, 3, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
// CHECK-NEXT:   %m = pe.layer "conv1" with @radix steps 4 fraction 2 pixels [3, 4] kernel [2, 2] strides [1, 2] {
// CHECK-NEXT:     pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
// CHECK-NEXT:       pe.stream %hi shift 4 strides [2, 1] bounds [4, 3] advance 1 by_bank runs dense<[[0, -1, -1, 3, 1]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 3, block 1, pitch 1>
// CHECK-NEXT:       pe.stream %lo bounds [4, 4] advance 1 by_bank runs
// CHECK-NEXT:     }
// CHECK-NEXT:     pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
// CHECK:        } : !pe.map<3x2x2, radix, 4, block 2, pitch 2>
// CHECK-NEXT:   %v = pe.layer "out" with @readout steps 4 pixels [2, 2] {
// CHECK:        } : !pe.potentials<1x2x2>
// CHECK-NEXT:   pe.send %v : !pe.potentials<1x2x2>
pe.program @tiled array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 7 : !pe.map<1x4x4, direct, 3, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 fraction 2 pixels [3, 4] kernel [2, 2] strides [1, 2] pads [0, 0, 0, 0] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 strides [2, 1] bounds [4, 3] advance 1 by_bank runs dense<[[0, -1, -1, 3, 1]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 3, block 1, pitch 1>
      pe.stream %lo shift 0 strides [1, 1] bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<-8> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x2x2, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [2, 2] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [2, 2] advance 1 runs dense<[[0, 0, 0, 1, 0], [1, 0, 0, 1, 1]]> : tensor<2x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x2x2, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x2x2>
  pe.send %v : !pe.potentials<1x2x2>
}

// Behind event-schedule: places of maps, addresses of weights and parameters.

// CHECK:      pe.program @scheduled
// CHECK-NEXT:   pe.receive bits 1 places [#pe.place<events = 0, capacity = 3, pointers = 0>] : !pe.map<3x1x1, direct, 1, block 3, pitch 3>
// CHECK:          pe.tile channels [0, 1] weights_at 4 params_at 1 params {} {
pe.program @scheduled array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 3, membrane_bits = 3, fifo = 2, drain = 1> {
  %x = pe.receive bits 1 places [#pe.place<events=0, capacity=3, pointers=0>] : !pe.map<3x1x1, direct, 1, block 3, pitch 3>
  %v = pe.layer "out" with @readout steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 4 params_at 1 params {} {
      pe.stream %x bounds [1, 1] advance 3 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x3x1xi8> : !pe.map<3x1x1, direct, 1, block 3, pitch 3>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// The banks' weight memories are rings of 512 rows, filled from DDR.
// CHECK: pe.program @streams array #pe.array<banks = 1, {{.*}}> ring 512 {
pe.program @streams array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> ring 512 {
  %x = pe.receive bits 1 : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// Two images share each tile of weights; what is kept for the second lies 1 address further on.
// CHECK: pe.program @batch array #pe.array<banks = 1, {{.*}}> ring 512 batch 2 image_stride [1, 1] {
// CHECK: pe.layer "out" {{.*}} pixels [1, 1] shared {
pe.program @batch array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> ring 512 batch 2 image_stride [1, 1] {
  %x = pe.receive bits 1 places [#pe.place<events = 0, capacity = 1, pointers = 0>] : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] shared {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// A map in DDR: rows of the image are received, bands of "a" are stored there, and all of it loaded.
// CHECK:      pe.program @bands array #pe.array<{{.*}}> {
// CHECK-NEXT:   %ddr = pe.buffer "a" at 1024 row_bytes 128 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
// CHECK-NEXT:   %x0 = pe.receive bits 4 rows [0, 4] label "a.0.input" : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
// CHECK-NEXT:   %a0 = pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] {
// CHECK:        pe.store "a.0.store", %a0, %ddr row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
// CHECK:        %a = pe.load "out.load", %ddr row 0 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x4x4, rate, 4, block 2, pitch 2>
pe.program @bands array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %ddr = pe.buffer "a" at 1024 row_bytes 128 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x0 = pe.receive bits 4 rows [0, 4] label "a.0.input" : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a0 = pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x0 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.0.store", %a0, %ddr row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x1 = pe.receive bits 4 rows [2, 4] label "a.1.input" : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a1 = pe.layer "a.1" of "a" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] {
    pe.tile channels [0, 2] params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x1 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.1.store", %a1, %ddr row 2 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %a = pe.load "out.load", %ddr row 0 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x4x4, rate, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %a bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}
