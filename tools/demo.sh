#!/usr/bin/env bash
# `make demo`: a trained network becomes C and Verilog whose spikes are equal, step by step.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=demo_build
model=examples/digits.onnx
data=examples/digits_test.npz

bold='' plain=''
[ -t 1 ] && { bold=$'\033[1m' plain=$'\033[0m'; }
title() { printf '\n%s== %s%s\n\n' "$bold" "$1" "$plain"; }
show() {
    printf '$ %s\n\n' "$*"
    "$@"
}

title "1. The network: scikit-learn's digits, 8x8 pixels, trained by tools/train_digits.py"
show snnc check "$model"

title '2. Compile it for a small array: 4 banks, 8 channels, 4 planes (without --array, snnc chooses)'
show snnc compile "$model" -o "$build" \
    --calibration examples/digits_calibration.npz --input-scale 1/16 --array 4,8,4

title '3. All 540 test images in C, beside the float model'
show snnc run "$build" --input "$data"

title '4. Every spike of every layer: integer reference, C and Verilog (builds a simulator first)'
show snnc verify "$build" --input "$data" --limit 8

title '5. Where spikes and cycles go'
show snnc report "$build" --input "$data"

title '6. What the design takes of the PYNQ-Z2, by Yosys (half a minute or so)'
show snnc synth "$build"

title "Done: the C program is in $build/c, the Verilog in $build/verilog"
