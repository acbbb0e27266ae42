// RUN: snn-opt %s -t c | filecheck %s
// RUN: snn-opt %s -p 'event-schedule{weights=stream}' -t c | filecheck %s --check-prefix STREAM

// One file: API, weights, tables, machine, main. A 2x2 image of 8 bits is cut into two words of
// 4 planes; a dense layer of two radix neurons and a readout follow.

// CHECK:      #define DIGITS_IMAGE 4
// CHECK:      #define DIGITS_OUTPUTS 3
// CHECK:      #define DIGITS_BANKS 2
// CHECK:      typedef int16_t digits_acc; /* an accumulator of 12 bits */
// CHECK-NEXT: typedef int32_t digits_int; /* a membrane of 20 bits */
// CHECK:      void digits_run(digits_state *state, const uint8_t *image, int32_t *potentials);

// Rows of weights in order of position, padded to 8 channels: -1 is \377, 2 is \2.
// CHECK:      static const signed char weight_rows[1][1024] = {
// CHECK-NEXT:     {"\1\377\0\0\0\0\0\0\2\2\0\0\0\0\0\0\3\0{{.*}}"}

// A stream: its runs, the shift of the accumulators before it, whether it ends a phase, bounds.
// CHECK:      static const struct stream streams[] = {
// CHECK-NEXT:   {0, 2, 0, 1, 2, 2, {{.*}}}, /* hidden tile 0 */
// CHECK-NEXT:   {2, 2, 4, 1, 2, 2, {{.*}}}, /* hidden tile 0 */
// CHECK-NEXT:   {4, 1, 0, 1, 1, 1, {{.*}}}, /* out tile 0 */
// CHECK-NEXT:   {4, 1, 0, 1, 1, 1, {{.*}}}, /* out tile 1 */
// CHECK-NEXT: };

// CHECK:      "input.0",
// CHECK-NEXT: "input.1",
// CHECK-NEXT: "hidden",
// CHECK-NEXT: "out",
// CHECK-NEXT: };

// Parameters by tile, padded too.
// CHECK:      static const int32_t param_theta[5][8] = {
// CHECK-NEXT:     {0, 0, 0, 0, 0, 0, 0, 0},
// CHECK-NEXT:     {0, 0, 0, 0, 0, 0, 0, 0},
// CHECK-NEXT:     {7, 9, 0, 0, 0, 0, 0, 0},

// The neuron's region, op by op; shifts are defined for negative numbers too.
// CHECK:      /* Neuron @radix: 4 planes of currents, summed at once, shifted by 1; 4 steps out. */
// CHECK-NEXT: static void fire_0(digits_state *s, 
// CHECK:          add_currents(s, t, oy, ox, BY_VALUE, 4, &sums);
// CHECK:          const digits_int theta = param_theta[tile][c];
// CHECK:          { /* integrate */
// CHECK-NEXT:         const digits_int i = step + 1 == 4 ? sums.total[c] * ((digits_int)1 << 1) : 0;
// CHECK-NEXT:         const digits_int doubled = v * ((digits_int)1 << 1);
// CHECK-NEXT:         const digits_int [[SUM:.*]] = doubled + i;
// CHECK-NEXT:         v = [[SUM]];
// CHECK-NEXT:     }
// CHECK:          { /* settle */
// CHECK-NEXT:         const digits_int half = theta < 0 ? ~(~theta >> 1) : theta >> 1;
// CHECK:          { /* fire */
// CHECK-NEXT:         const digits_int left = 3 - step;
// CHECK-NEXT:         const digits_int level = theta * ((digits_int)1 << left);
// CHECK-NEXT:         const int spike = v >= level;
// CHECK:              train = train << 1 | (uint32_t)spike;
// CHECK:      static void readout_1(digits_state *s, 

// CHECK:      int main(int argc, char **argv)

// Weights from DDR: a row is one beat; the rows of the stream behind each tile.
// STREAM:      #define DIGITS_RING 512
// STREAM-NEXT: #define DIGITS_ROW_BEATS 1
// STREAM:      int ddr_latency, ddr_rate;
// STREAM:      static const int32_t tile_behind[DIGITS_TILES] = {
// STREAM-NEXT:   0, 0,
// STREAM:      tile_begins(s, l->tile_first + i);

snn.neuron @radix after state ["v"] params ["theta"]
start {
^bb0(%theta: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
}
integrate {
^bb0(%v: i64, %i: i64, %theta: i64):
  %one = arith.constant 1 : i64
  %doubled = arith.shli %v, %one : i64
  %sum = arith.addi %doubled, %i : i64
  snn.yield %sum : i64
}
settle {
^bb0(%v: i64, %theta: i64):
  %one = arith.constant 1 : i64
  %half = arith.shrsi %theta, %one : i64
  %sum = arith.addi %v, %half : i64
  snn.yield %sum : i64
}
fire {
^bb0(%v: i64, %theta: i64, %left: i64):
  %level = arith.shli %theta, %left : i64
  %spike = arith.cmpi sge, %v, %level : i64
  %rest = arith.subi %v, %level : i64
  %next = arith.select %spike, %rest, %v : i64
  snn.yield %next, %spike : i64, i1
}

snn.neuron @readout none state ["v"] params []
start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
}
integrate {
^bb0(%v: i64, %i: i64):
  %one = arith.constant 1 : i64
  %doubled = arith.shli %v, %one : i64
  %sum = arith.addi %doubled, %i : i64
  snn.yield %sum : i64
}
settle {
^bb0(%v: i64):
  snn.yield %v : i64
}
fire {
^bb0(%v: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}

pe.program @digits array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4,
    acc_bits = 12, membrane_bits = 20, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8
    places [#pe.place<events = 0, capacity = 1, pointers = 0>,
            #pe.place<events = 2, capacity = 1, pointers = 4>]
    : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
  %1 = pe.layer "hidden" with @radix steps 4 fraction 1 pixels [1, 1]
      place #pe.place<events = 4, capacity = 1, pointers = 8> {
    pe.tile channels [0, 2] weights_at 0 params_at 0
        params {theta = dense<[7, 9]> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [2, 2] advance 0
        runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 1]]> : tensor<2x5xi32>
        weights dense<[[[1, -1], [3, 0]], [[2, 2], [0, 4]]]> : tensor<2x2x2xi8>
        : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [2, 2] advance 0
        runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 1]]> : tensor<2x5xi32>
        weights dense<[[[1, -1], [3, 0]], [[2, 2], [0, 4]]]> : tensor<2x2x2xi8>
        : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x1x1, radix, 4, block 2, pitch 2>
  %2 = pe.layer "out" with @readout steps 4 pixels [1, 1] {
    pe.tile channels [0, 2] weights_at 2 params_at 2 params {} {
      pe.stream %1 bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32>
        weights dense<[[[5, 6]], [[-7, 1]]]> : tensor<2x1x2xi8>
        : !pe.map<2x1x1, radix, 4, block 2, pitch 2>
    }
    pe.tile channels [2, 1] weights_at 3 params_at 4 params {} {
      pe.stream %1 bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32>
        weights dense<[[[3, 0]], [[-2, 0]]]> : tensor<2x1x2xi8>
        : !pe.map<2x1x1, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<3x1x1>
  pe.send %2 : !pe.potentials<3x1x1>
}
