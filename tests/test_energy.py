"""`snnc report --energy`: counts against plain loops, the machine's clocks and figures by hand."""

import json
from math import log
from pathlib import Path

import numpy as np
import pytest
from bad_input.files import conv, node, write_model
from random_networks import network_from_seed

from snnir.analysis.network import branches, layers, train_labels
from snnir.dialects.assembly import int_list, integer
from snnir.dialects.snn import ConvOp, DenseOp, SumPoolOp
from snnir.energy.model import moved_bytes
from snnir.energy.operations import count_operations
from snnir.interpreters.snn import pool_window, run_snn
from snnir.interpreters.windows import conv2d, sum_windows
from snnir.runtime.build import BuildFolder
from snnir.runtime.engines import run_engine
from snnir.runtime.losses import count_losses
from snnir.tools import snnc
from snnir.tools.errors import run_tool

EXAMPLES = Path(__file__).parent.parent / "examples"
TEST = EXAMPLES / "digits_test.npz"


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("energy") / "build"
    words = ["compile", EXAMPLES / "digits.onnx", "-o", folder, "--input-scale", "1/16"]
    words += ["--calibration", EXAMPLES / "digits_calibration.npz", "--no-verilog"]
    assert run_tool(snnc.run, [*map(str, words), "--array", "4,8,4,2"]) == 0
    return folder


@pytest.fixture
def ask(capsys):
    def run(*words) -> dict:
        capsys.readouterr()
        assert run_tool(snnc.run, [*map(str, words), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


# Counts -------------------------------------------------------------------------------------------


def met(op, values: np.ndarray) -> float:
    """What all outputs of a synapse sum if every weight is 1: what meets weights."""
    pools, source = [], op.source
    while isinstance(source.owner, SumPoolOp):
        pools.insert(0, source.owner)
        source = source.owner.source
    values = values.astype(np.float64)
    for pool in pools:
        values = sum_windows(values, **pool_window(pool))
    match op:
        case ConvOp():
            return conv2d(
                values,
                np.ones(op.weights.type.get_shape()),
                strides=int_list(op.strides),
                pads=int_list(op.pads),
                dilations=int_list(op.dilations),
                groups=op.groups.value.data,
            ).sum()
        case DenseOp():
            return values.sum() * op.current.type.dims[0]
        case _:
            return values.sum()


@pytest.mark.parametrize("seed", range(40))
def test_operations_are_what_weights_of_one_would_sum(seed):
    net = network_from_seed(seed, images=3)
    trains = run_snn(net.module, net.images).trains
    labels = train_labels(net.module)
    for op in layers(net.module):
        op.acc_bits = op.membrane_bits = integer(16)
    found = count_operations(net.module, trains)
    for op, layer in zip(layers(net.module), found, strict=True):
        assert layer.name == op.label.data
        for synapse, branch in zip(branches(op), layer.branches, strict=True):
            source = synapse.source
            while isinstance(source.owner, SumPoolOp):
                source = source.owner.source
            words = trains[labels[source]]
            assert branch.acs == pytest.approx(met(synapse, np.bitwise_count(words)) / 3)
            assert branch.touched == pytest.approx(met(synapse, words != 0) / 3)
            assert branch.fetched_trains <= branch.fetched and branch.touched <= branch.acs


def test_operations_are_the_work_that_the_clocks_count(digits):
    """What the cycle model counts, event by event, from the schedule of the machine."""
    build = BuildFolder(digits)
    result = run_engine("c", build, np.load(TEST)["x"][:5], trains=True)
    array = build.tables.array
    peak = array.banks * array.channels * array.planes
    losses = count_losses(build.tables, build.pe, result.trains)["layers"]
    work = {row["name"]: row["work"] * peak for row in losses}
    found = {layer.name: layer for layer in count_operations(build.snn, result.trains)}
    for name in ("conv1", "conv3", "logits"):
        assert found[name].total("acs") == pytest.approx(work[name])
    # Each event of the machine is a weight row of 8 channels; conv3 has 24.
    events = result.events["conv3"].mean()
    assert found["conv3"].total("fetched_trains") * 3 == pytest.approx(events)
    assert found["conv3"].total("touched") == pytest.approx(events * 8)
    interp = run_engine("interp", build, np.load(TEST)["x"][:5], trains=True)
    assert count_operations(build.snn, interp.trains) == list(found.values())


# By hand ------------------------------------------------------------------------------------------

IMAGES = np.array(
    [[[[9, 0, 3], [0, 255, 0], [1, 0, 0]]], [[[0, 0, 0], [0, 0, 7], [0, 0, 0]]]], np.uint8
)


@pytest.fixture
def two_layers(tmp_path, monkeypatch, ask) -> dict:
    """Conv 2x2 of 1 to 2 channels on 3x3 pixels, dense of 8 to 3: what the report says."""
    monkeypatch.chdir(tmp_path)
    kernel = np.array([[[[1, 0], [0, 0.5]]], [[[0.25, 1], [0, 0]]]])
    dense = np.linspace(-1, 1, 24).reshape(3, 8)
    nodes = [conv("x", "w", "c"), node("Relu", ["c"], "r"), node("Flatten", ["r"], "f")]
    nodes.append(node("Gemm", ["f", "v"], "y", transB=1))
    write_model(nodes, [("w", kernel), ("v", dense)], shape=(1, 1, 3, 3))
    np.savez("x.npz", x=IMAGES)
    words = ["compile", "model.onnx", "-o", "out", "--calibration", "x.npz", "--no-verilog"]
    ask(*words, "--input-scale", "1/255", "--weight-bits", "8", "--array", "2,4,4,1")
    found = ask("report", "out", "--input", "x.npz", "--energy")
    trains = run_engine("interp", BuildFolder("out"), IMAGES, trains=True).trains
    return found | {"trains": trains, "manifest": BuildFolder("out").manifest}


def test_a_network_by_hand(two_layers):
    first, second = two_layers["energy"]["layers"]
    acc, membrane = first["acc_bits"], first["membrane_bits"]
    spikes = touched = fetched = 0
    for image in IMAGES:
        for y in range(2):
            for x in range(2):
                for value in image[0, y : y + 2, x : x + 2].flat:
                    spikes += 2 * int(value).bit_count()
                    touched += 2 * (value > 0)
                    fetched += value > 0
    assert first["macs"] == 2 * 4 * 4 and first["adds"] == 0
    assert first["acs"] == spikes / 2 and first["touched"] == touched / 2
    assert first["updates"] == 2 * 4 * 4

    words = two_layers["trains"][first["name"]]
    silent = int((words != 0).sum())
    assert second["macs"] == 24 and second["updates"] == 0
    assert second["acs"] == 3 * sum(int(w).bit_count() for w in words.flat) / 2
    assert second["touched"] == 3 * silent / 2

    def add(bits):
        return 0.03 * (bits / 8) ** (log(0.1 / 0.03) / log(4))

    def multiply(bits):
        return 0.2 * (bits / 8) ** (log(3.1 / 0.2) / log(4))

    bit = 10 / 64
    energy = first["energy_pj"]
    # Each weight for each product, each pixel of each window, 8 results.
    assert energy["float"]["arithmetic"] == pytest.approx(32 * 4.6)
    assert energy["float"]["on_chip"] == pytest.approx((32 + 16 + 8) * 32 * bit)
    assert energy["quantised"]["arithmetic"] == pytest.approx(32 * (0.2 + add(acc)))
    assert energy["quantised"]["on_chip"] == pytest.approx((32 * 8 + 16 * 8 + 8 * 4) * bit)
    snn = spikes / 2 * add(acc) + 32 * 2 * add(membrane)
    assert energy["snn"]["arithmetic"] == pytest.approx(snn)
    # An event of the image is 8 bits and one of 9 places, one of the map 4 bits and one of 8.
    events = fetched / 2 * (8 + 4) + silent / 2 * (4 + 3)
    assert energy["snn"]["on_chip"] == pytest.approx((touched / 2 * 8 + events) * bit)
    assert all(energy[name]["off_chip"] == 0 for name in energy)
    for name in ("float", "quantised"):
        assert first["ratio"][name] == pytest.approx(energy[name]["total"] / energy["snn"]["total"])

    # Inputs of the dense layer are numbers of 4 bits; outputs are 3 words of 32 bits.
    energy = second["energy_pj"]
    product = multiply((8 * 4) ** 0.5) + add(second["acc_bits"])
    assert energy["quantised"]["arithmetic"] == pytest.approx(24 * product)
    assert energy["quantised"]["on_chip"] == pytest.approx((24 * 8 + 8 * 4 + 3 * 32) * bit)
    assert energy["snn"]["arithmetic"] == pytest.approx(second["acs"] * add(second["acc_bits"]))
    events = silent / 2 * (4 + 3) + 3 * 32
    assert energy["snn"]["on_chip"] == pytest.approx((second["touched"] * 8 + events) * bit)

    total = two_layers["energy"]["total"]
    assert total["macs"] == 56 and total["acs"] == pytest.approx(first["acs"] + second["acs"])
    for name, parts in total["energy_pj"].items():
        whole = first["energy_pj"][name]["total"] + second["energy_pj"][name]["total"]
        assert parts["total"] == pytest.approx(whole)

    # The two comparisons, of the same constants.
    full, six, digital, memory = two_layers["energy"]["ace_snn"]
    assert full["operations_pj"] == pytest.approx(56 * 4.6)
    assert full["total_pj"] == pytest.approx(56 * (4.6 + 32 * bit))
    macs = 32 * (multiply(6) + add(14)) + 24 * (multiply(6) + add(15))
    assert six["operations_pj"] == pytest.approx(macs)
    assert six["total_pj"] == pytest.approx(macs + 56 * 6 * bit)
    mac = 32 * (0.2 + add(acc) + 8 * bit)
    rest = second["acs"] * add(second["acc_bits"]) + second["touched"] * 8 * bit
    assert digital["first_pj"] == pytest.approx(mac) and digital["rest_pj"] == pytest.approx(rest)
    assert memory["first_pj"] == pytest.approx(mac / 6.24)
    assert memory["rest_pj"] == digital["rest_pj"]
    assert memory["ratio"]["total"]["float"] == pytest.approx(
        full["total_pj"] / (mac / 6.24 + rest)
    )
    assert digital["ratio"]["operations"]["six_bit"] == pytest.approx(
        macs / (32 * (0.2 + add(acc)) + second["acs"] * add(second["acc_bits"]))
    )

    sram, stt = two_layers["energy"]["spinaps"]
    adds = first["acs"] * add(acc) + second["acs"] * add(second["acc_bits"])
    spikes = first["acs"] + second["acs"]
    read = 23.4e-6 * 5e-9 * 1e12 + bit * (34.5 / 146) ** 0.5
    neurons = 32 * 2 * add(membrane)
    for row, each, cell in ((sram, bit, 146), (stt, read, 34.5)):
        assert row["read_pj"] == pytest.approx(each)
        assert row["operation_pj"] == pytest.approx(8 * each + adds / spikes)
        assert row["inference_pj"] == pytest.approx(spikes * 8 * each + adds + neurons)
        assert row["area_mm2"] == pytest.approx((8 + 24) * 8 * cell * 45e-6**2)
        assert row["gsops_per_watt"] == pytest.approx(1e3 / row["operation_pj"])
    assert stt["ratio"] == pytest.approx(146 / 34.5 * sram["operation_pj"] / stt["operation_pj"])


# Memory -------------------------------------------------------------------------------------------


def test_weights_from_ddr_are_the_bytes_of_the_stream(tmp_path, ask):
    """Of two images that are computed together, each layer moves half of its rows."""
    folder, batch = tmp_path / "build", 2
    words = ["compile", EXAMPLES / "digits.onnx", "-o", folder, "--input-scale", "1/16"]
    words += ["--calibration", EXAMPLES / "digits_calibration.npz", "--array", "4,8,4,2"]
    ask(*words, "--weights", "stream", "--batch", batch)
    tables = BuildFolder(folder).tables
    moved = moved_bytes(tables)
    (stream,) = folder.glob("verilog/*_weights.bin")
    # The file is filled up to a whole burst at its end.
    whole = sum(part.weights for part in moved.values()) * batch
    assert whole <= stream.stat().st_size < whole + 128
    found = ask("report", folder, "--input", TEST, "--limit", "2", "--energy")["energy"]
    for layer in found["layers"]:
        energy = layer["energy_pj"]
        bits = 8 * moved[layer["name"]].weights
        assert energy["snn"]["ddr_bits"] == energy["quantised"]["ddr_bits"] == bits > 0
        assert energy["snn"]["off_chip"] == pytest.approx(bits * 1300 / 64)
        assert energy["float"]["ddr_bits"] == pytest.approx(bits * 32 / tables.array.weight_bits)


# The command --------------------------------------------------------------------------------------


def test_report_of_the_energy(digits, ask, capsys):
    words = ["report", digits, "--input", TEST, "--limit", "3"]
    plain, found = ask(*words), ask(*words, "--energy")
    assert plain["energy"] is None
    assert {**found, "energy": None} == plain
    energy = found["energy"]
    assert list(energy) == ["technology", "layers", "total", "ace_snn", "spinaps"]
    names = [constant["name"] for constant in energy["technology"]["constants"]]
    assert energy["technology"]["name"] == "cmos-45nm" and "pim_gain" in names
    for layer, row in zip(energy["layers"], plain["layers"], strict=True):
        assert (layer["name"], layer["macs"]) == (row["name"], row["macs"])

    assert run_tool(snnc.run, [*map(str, words), "--energy"]) == 0
    text = capsys.readouterr().out
    assert text.count("model cmos-45nm") == 3
    assert "means over 3 samples of" in text and "nothing was measured" in text
    for heading in ("counted", "as ACE-SNN, model", "as SpinAPS, model"):
        assert any(line.startswith(heading) for line in text.splitlines())


def test_another_technology(digits, ask, capsys):
    words = ["report", str(digits), "--limit", "2", "--energy", "--technology", "block-ram"]
    found = ask(*words)["energy"]
    assert found["technology"]["name"] == "block-ram"
    assert found["spinaps"] is None and len(found["ace_snn"]) == 3
    assert run_tool(snnc.run, words) == 0
    text = capsys.readouterr().out
    assert "as SpinAPS" not in text and "first layer in memory" not in text


def test_energy_needs_inputs(tmp_path, capsys):
    words = ["compile", EXAMPLES / "digits.onnx", "-o", tmp_path / "out", "--input-scale", "1/16"]
    assert run_tool(snnc.run, [*map(str, words), "--no-verilog"]) == 0
    capsys.readouterr()
    assert run_tool(snnc.run, ["report", str(tmp_path / "out"), "--energy"]) == 1
    assert "give inputs: --input X.npz" in capsys.readouterr().err
