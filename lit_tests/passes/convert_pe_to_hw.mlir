// RUN: snn-opt %s -p convert-pe-to-hw | filecheck %s
// RUN: snn-opt %s -p 'convert-pe-to-hw{top=net_top trace=true}' | filecheck %s --check-prefix OPTIONS
// RUN: snn-opt %s -p 'convert-pe-to-hw{counters=false}' | filecheck %s --check-prefix PLAIN
// RUN: snn-opt %s -p 'convert-pe-to-hw{lanes=xc7}' | filecheck %s --check-prefix XC7
// RUN: snn-opt %s -p 'convert-pe-to-hw{lanes=xc7}' -t verilog | filecheck %s --check-prefix CELLS
// RUN: snn-opt %s -p convert-pe-to-hw -t verilog | filecheck %s --check-prefix VERILOG
// RUN: snn-opt %s -p convert-pe-to-hw -t memory | filecheck %s --check-prefix IMAGES
// RUN: snn-opt %s -p 'event-schedule{weights=stream},convert-pe-to-hw' | filecheck %s --check-prefix STREAM
// RUN: snn-opt %s -p 'event-schedule{weights=stream},convert-pe-to-hw{machine=auto}' -t verilog > %t.auto.v
// RUN: snn-opt %s -p 'event-schedule{weights=stream}' -t machine > %t.json
// RUN: snn-opt %s -p 'event-schedule{weights=stream},convert-pe-to-hw{machine=%t.json}' -t verilog > %t.file.v
// RUN: snn-opt %s -p 'event-schedule{weights=stream},convert-pe-to-hw{machine=%t.json}' | filecheck %s --check-prefix MACHINE
// RUN: diff %t.auto.v %t.file.v

// An image of 4x4 pixels in two words of 4 bits, a 3x3 convolution into two channels, a readout: on
// two banks of two channels and four planes.

// Weights from DDR: an AXI4 read master, and rings of 512 rows in the banks.
// STREAM:      hw.module @snnir_top({{.*}}in %m_axi_arready: i1, in %m_axi_rdata: i64, {{.*}}in %weights_base: i32
// STREAM-SAME:   out m_axi_araddr: i32, out m_axi_arlen: i8, {{.*}}out status: i2
// STREAM:      hw.module @loader(
// STREAM:      hw.module @bank0(in {{.*}}in %weights_we: i1, in %weights_waddr: i9, in %weights_wdata: i8
// STREAM:      hw.module.extern @ram_1r1w_8x512({{.*}}snnir.depth = 512

// The program as data: registers and a loader of programs, and tables that are written.
// MACHINE:     hw.module @snnir_top({{.*}}in %s_axi_awaddr: i8
// MACHINE:     hw.module @system(
// MACHINE:     hw.module @registers(
// MACHINE:     hw.module @program_loader({{.*}}out program_we: i5, out program_row: i9
// MACHINE:     hw.module @control({{.*}}in %layers_we: i1, in %layers_row: i5
// MACHINE:     hw.module.extern @ram_1r1w_{{[0-9]+}}x32_distributed(
// MACHINE-NOT: snnir.init
// MACHINE:     hw.module @read_guard(

// CHECK-NOT:   pe.program
// CHECK-NOT:   snn.neuron
// CHECK:       hw.module @snnir_top(in %aclk: !seq.clock, in %aresetn: i1, in %s_axis_tdata: i8
// CHECK-SAME:    out cycles: i32, out running: i1, out counter_images: i32, {{.*}}out counter_stores: i32)
// CHECK:       hw.module @core(in %clk: !seq.clock, in %rst: i1
// CHECK-SAME:    out trace_fired: i4

// The control unit reads one row of the layer table for each word, layer and readout.
// CHECK:       hw.module @control(
// CHECK:       hw.module.extern @net_layers({{.*}}snnir.depth = 4
// CHECK:       hw.module @walker(
// CHECK:       hw.module.extern @net_runs({{.*}}snnir.depth = 8

// Each bank has its own weights: 22 rows of two 4-bit channels.
// CHECK:       hw.module @bank0(
// CHECK:       hw.module.extern @net_weights0({{.*}}snnir.width = 8 : i64, snnir.depth = 22 : i64
// CHECK:       hw.module.extern @net_weights1(

// The words differ by a factor of 16, so a lane shifts its accumulator by 4 between two phases.
// CHECK:       hw.module @array(
// CHECK:       hw.module @channel(
// CHECK:       hw.module @lane(
// CHECK-SAME:    in %clear: i1, in %shift: i1, out accumulator: i10

// Regions become pipelines: four planes, settle, four steps; the last compares with theta itself, by
// the sign of what is left.
// CHECK:       hw.module @fire_0_radix(
// CHECK-SAME:    in %theta: i16
// CHECK:         [[MEMBRANE:%.*]] = comb.concat {{.*}}, %v_s8 : i1, i16
// CHECK:         [[THETA:%.*]] = comb.concat {{.*}}, %theta_s8 : i1, i16
// CHECK:         [[LEFT:%.*]] = comb.sub [[MEMBRANE]], [[THETA]] : i17
// CHECK:         [[BELOW:%.*]] = comb.extract [[LEFT]] from 16
// CHECK:         [[LAST:%.*]] = comb.xor [[BELOW]], %c1_i1
// CHECK:         %spike3_s9 = seq.compreg [[LAST]], %clk
// CHECK:         comb.concat %spike0_s9, %spike1_s9, %spike2_s9, %spike3_s9
// CHECK:       hw.module @fire_1_sum(
// CHECK-NOT:     theta

// Counters of what the clocks of an image go to, if they are wanted: no bank is more than 6 behind.
// CHECK:       hw.module @counters(
// CHECK:         %behind1 = seq.compreg {{.*}} : i3
// PLAIN:       out cycles: i32, out running: i1)
// PLAIN-NOT:   counter

// OPTIONS:     hw.module @net_top(
// OPTIONS-SAME:  out trace_fired: i4

// Lanes of 7-series cells: a LUT chooses what the accumulator becomes and feeds the carry chain.
// XC7:         hw.module @lane(
// XC7-SAME:      in %clear: i1, in %shift: i1, out accumulator: i10
// XC7:         hw.module @lane_accumulate(
// XC7:         hw.module.extern @LUT5_999aa9aa({{.*}}snnir.cell = "LUT5", snnir.init = {{.*}} : i32
// XC7:         hw.module.extern @CARRY4({{.*}}snnir.cell = "CARRY4"
// CELLS:       module lane_accumulate (
// CELLS:       LUT5 #(.INIT(32'h999aa9aa)) add_4 (
// CELLS:       CARRY4 carry_2 (

// VERILOG:     module lane (
// VERILOG:     accumulator <=

// IMAGES:      @file net_weights0.hex
// IMAGES-NEXT: 11
snn.neuron @radix after state ["v"] params ["theta", "bias"] start {
^bb0(%theta: i64, %bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %theta: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %double = arith.shli %v, %one : i64
  %next = arith.addi %double, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64, %theta: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %half = arith.shrsi %theta, %one : i64
  %biased = arith.addi %v, %bias : i64
  %next = arith.addi %biased, %half : i64
  snn.yield %next : i64
} fire {
^bb0(%v: i64, %theta: i64, %bias: i64, %left: i64):
  %level = arith.shli %theta, %left : i64
  %spike = arith.cmpi sge, %v, %level : i64
  %rest = arith.subi %v, %level : i64
  %next = arith.select %spike, %rest, %v : i64
  snn.yield %next, %spike : i64, i1
}
snn.neuron @sum none state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %one = arith.constant 1 : i64
  %double = arith.shli %v, %one : i64
  %next = arith.addi %double, %i : i64
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
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 places [#pe.place<events=0,capacity=2,pointers=0>, #pe.place<events=8,capacity=2,pointers=16>] : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %1 = pe.layer "conv1" with @radix steps 4 pixels [2, 2] place #pe.place<events=16,capacity=2,pointers=32> {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {theta = dense<3> : tensor<2xi32>, bias = dense<0> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0], [0, 1, 0, 3, 3], [0, 2, 0, 3, 6]]> : tensor<3x5xi32> weights dense<1> : tensor<2x9x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0], [0, 1, 0, 3, 3], [0, 2, 0, 3, 6]]> : tensor<3x5xi32> weights dense<1> : tensor<2x9x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x2, radix, 4, block 2, pitch 2>
  %2 = pe.layer "out" with @sum steps 4 pixels [1, 1] {
    pe.tile channels [0, 2] weights_at 18 params_at 2 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %1 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 2]]> : tensor<2x5xi32> weights dense<1> : tensor<2x4x2xi8> : !pe.map<2x2x2, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<2x1x1>
  pe.send %2 : !pe.potentials<2x1x1>
}
