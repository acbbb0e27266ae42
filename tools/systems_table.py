"""The rows of docs/results.md of systems: first-to-spike networks, volumes of leaky neurons."""

from __future__ import annotations

from results_systems import EarlyExitRow, EnergyRow, FirstToSpikeRow, System

GLM = "python tools/train_glm.py"
MNIST = "$SNNIR_DATA/data/mnist"
WISDM = "$SNNIR_DATA/data/wisdm-har"
FOLDER = "-o $MODELS/glm"


def first_to_spike() -> tuple[FirstToSpikeRow, ...]:
    """Accuracy against allowed steps."""
    anytime = "--epochs 12 --anytime 1"
    hidden = f"--hidden 64 --window 1,16 --levels 100 {anytime} --shares 4=3,16=33 --decay 0.2"
    wisdm = f"{GLM} wisdm --data {WISDM}"
    return (
        FirstToSpikeRow(
            "glm-mnist", "MNIST, 784-10", "$MODELS/glm/mnist.onnx", "$W/mnist_test.npz",
            "8,10,16", f"{GLM} mnist --data {MNIST} {FOLDER}", data="mnist",
            float_model="$MODELS/glm/mnist_float.onnx",
        ),
        FirstToSpikeRow(
            "glm-mnist-hidden", "MNIST, 784-64-10", "$MODELS/glm/mnist64.onnx",
            "$W/mnist_test.npz", "8,10,16", f"{GLM} mnist --data {MNIST} {hidden} {FOLDER}",
            data="mnist", float_model="$MODELS/glm/mnist64_float.onnx",
        ),
        FirstToSpikeRow(
            "glm-wisdm", "WISDM, 44-6", "$MODELS/glm/wisdm.onnx", "$MODELS/glm/wisdm_test.npz",
            "4,6,16", f"{wisdm} --window 8 --rate 0.02 --epochs 12 --anytime 0.5 {FOLDER}",
            float_model="$MODELS/glm/wisdm_float.onnx", features=43,
        ),
        FirstToSpikeRow(
            "glm-wisdm-hidden", "WISDM, 44-64-6", "$MODELS/glm/wisdm64.onnx",
            "$MODELS/glm/wisdm_test.npz", "8,16,16",
            f"{wisdm} --hidden 64 --window 8,16 {anytime} --shares 16=8 --decay 0.1 {FOLDER}",
            float_model="$MODELS/glm/wisdm64_float.onnx", features=43,
        ),
    )  # fmt: skip


def early_exit() -> tuple[EarlyExitRow, ...]:
    """Samples of four windows of four steps that end with their decision."""
    options = ("--windows", "4")
    return tuple(
        EarlyExitRow(
            f"glm-mnist-windows{mark}", f"MNIST, 784-10{title}",
            f"$MODELS/glm{mark}/mnist_windows4.onnx",
            "$W/mnist_test.npz", "8,10,4",
            f"{GLM} mnist --data {MNIST} --windows 4{more} -o $MODELS/glm{mark}", options,
            data="mnist",
        )
        for mark, title, more in (("", "", ""), ("-early", ", early", " --early 0.5"))
    )  # fmt: skip


def volumes() -> tuple[EnergyRow, ...]:
    """3-D convolutions; HybridSN's weights are random."""
    hybrid = "python tools/hybrid_sn.py -o $W/hybrid_sn --patches 24"
    given = ("--calibration", "$W/hybrid_sn/patches.npz", "--samples", "8", "--weight-bits", "6")
    return (
        EnergyRow(
            "lif-satimage", "Satimage (bands, 3, 3), LIF T = 5",
            "$MODELS/patchnet3d/patchnet3d.onnx", "$W/satimage_volumes_test.npz", "4,16,5,2",
            "python tools/train_lif.py patchnet3d --threads 1 -o $MODELS/patchnet3d",
            data="satimage_volumes",
        ),
        EnergyRow(
            "hybrid-sn", "HybridSN's form, radix T = 4", "$W/hybrid_sn/hybrid_sn.onnx",
            "$W/hybrid_sn/patches.npz", "", hybrid, given, verified=1, counted=2,
        ),
    )  # fmt: skip


def all_systems() -> dict[str, System]:
    """Name to row."""
    return {row.name: row for row in (*first_to_spike(), *early_exit(), *volumes())}
