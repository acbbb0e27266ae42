"""Recurrent layers: spikes of the step before, from the IR and from torch down to Verilog."""

import json

import numpy as np
import pytest
from c_programs import needs_gcc, parse, schedule
from comparing import differences

from snnir.dialects.dense import to_dense
from snnir.dialects.neurons import NeuronChoice
from snnir.energy.operations import count_operations
from snnir.errors import UserError
from snnir.interpreters.pe import program_of, run_program
from snnir.interpreters.snn import run_snn
from snnir.runtime import verilator
from snnir.runtime.build import BuildFolder
from snnir.runtime.cmodel import CEngine
from snnir.runtime.engines import run_engine
from snnir.runtime.losses import count_losses, losses_of_counters
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.memories import memories
from snnir.tiling.layers import plan_network
from snnir.tiling.memory_estimate import memories_of
from snnir.tiling.shape import shape_of
from snnir.tools import snnc
from snnir.tools.errors import run_tool

needs_verilator = pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")
INPUTS, HIDDEN, OUTPUTS, WINDOWS = 6, 7, 3, 5


def dense(name: str, source: str, rows: int, columns: int) -> str:
    return (
        f"%{name} = snn.dense %{source} weight_bits 4 weights dense<1> : "
        f"tensor<{rows}x{columns}xi8> : !snn.train<{columns}x1x1, rate, 1> -> "
        f"!snn.current<{rows}x1x1, rate, 1>"
    )


def feedback_network(seed: int = 0):
    """A layer that sees its own spikes and those of the layer behind it, and streams for it."""
    choice = NeuronChoice("rate", leak=4)
    train, current = f"!snn.train<{HIDDEN}x1x1, rate, 1>", f"!snn.current<{HIDDEN}x1x1, rate, 1>"
    out = f"!snn.current<{OUTPUTS}x1x1, rate, 1>"
    each = f"tensor<{HIDDEN}xi32>"
    params = f"params {{theta = dense<9> : {each}, bias = dense<1> : {each}}}"
    lines = [
        f"%x = snn.encode %image windows {WINDOWS} scale "
        f"array<f64: {', '.join(['1.0'] * INPUTS)}> : tensor<1x{INPUTS}xf32> -> "
        f"!snn.train<{INPUTS}x1x1, rate, 1>",
        f'%p = snn.previous "hidden" : {train}',
        f'%q = snn.previous "second" : {train}',
        dense("c", "x", HIDDEN, INPUTS),
        dense("d", "p", HIDDEN, HIDDEN),
        dense("e", "q", HIDDEN, HIDDEN),
        f"%s = snn.add %c, %d, %e : {current}, {current}, {current} -> {current}",
        f'%t = snn.fire %s with @{choice.fire_name} name "hidden" fraction 1 {params} : '
        f"{current} -> {train}",
        dense("f", "t", HIDDEN, HIDDEN),
        f'%u = snn.fire %f with @{choice.fire_name} name "second" fraction 1 {params} : '
        f"{current} -> {train}",
        dense("o", "u", OUTPUTS, HIDDEN),
        f'%r = snn.readout %o with @{choice.readout_name} name "out" params '
        f"{{bias = dense<0> : tensor<{OUTPUTS}xi32>}} scale array<f64: 1.0, 1.0, 1.0> : "
        f"{out} -> tensor<1x{OUTPUTS}xf32>",
        f"func.return %r : tensor<1x{OUTPUTS}xf32>",
    ]
    head = f"func.func @net(%image: tensor<1x{INPUTS}xf32>) -> tensor<1x{OUTPUTS}xf32>"
    text = head + " {\n  " + "\n  ".join(lines) + "\n}"
    module = parse(text, choice.fire_neuron(), choice.readout_neuron())
    rng = np.random.default_rng(seed)
    for op in module.walk():
        if "weights" in op.properties:
            shape = op.weights.type.get_shape()
            op.properties["weights"] = to_dense(rng.integers(-7, 8, shape).astype(np.int8))
    frames = rng.random((3 * WINDOWS, 1, 1, INPUTS)) < 0.5
    return module, frames.astype(np.uint8)


def by_hand(module, frames: np.ndarray) -> np.ndarray:
    """Potentials (samples, windows, outputs) by the plain equations of the network."""
    w = {
        op.results[0].name_hint: np.array(op.weights.get_values()).reshape(
            op.weights.type.get_shape()
        )
        for op in module.walk()
        if "weights" in op.properties
    }
    theta, bias, leak = 9, 1, 4
    found = np.zeros((3, WINDOWS, OUTPUTS), np.int64)
    for sample in range(3):
        v = [np.full(HIDDEN, theta >> 1), np.full(HIDDEN, theta >> 1)]
        hidden = second = np.zeros(HIDDEN, np.int64)
        total = np.zeros(OUTPUTS, np.int64)
        for window in range(WINDOWS):
            x = frames[sample * WINDOWS + window].ravel().astype(np.int64)
            current = w["c"] @ x + w["d"] @ hidden + w["e"] @ second
            v[0] = v[0] - (v[0] * leak >> 5) + (current << 1) + bias
            hidden = (v[0] >= theta).astype(np.int64)
            v[0] = v[0] - theta * hidden
            v[1] = v[1] - (v[1] * leak >> 5) + (w["f"] @ hidden << 1) + bias
            second = (v[1] >= theta).astype(np.int64)
            v[1] = v[1] - theta * second
            total = total + w["o"] @ second
            found[sample, window] = total
    return found


PIPELINE = "tile-to-pe{banks=2 channels=4 drain=2},event-schedule,verify-pe-schedule"


@needs_gcc
@needs_verilator
def test_a_layer_and_one_behind_it_come_again(tmp_path):
    """Reference, tables, C and Verilog have the plain equations' potentials."""
    module, frames = feedback_network()
    wanted = by_hand(module, frames)
    reference = run_snn(module, frames.transpose(0, 3, 1, 2))
    assert np.array_equal(reference.potentials.reshape(wanted.shape), wanted)
    assert 0.2 < reference.trains["second"].mean() < 0.8
    estimated = shape_of(plan_network(module.clone()), 4)
    scheduled = schedule(module, PIPELINE)
    scheduled.verify()
    found = run_program(scheduled, frames, count_cycles=True)
    assert np.array_equal(found.potentials.reshape(wanted.shape), wanted)
    program = CEngine.from_module(scheduled, tmp_path, ("-O1",))
    result = program.run(frames)
    assert differences(result, found) == []
    engine = RtlEngine.from_module(scheduled, tmp_path)
    for spent in (None, np.array([1, 3, 5])):
        simulated = engine.run(frames, seed=1, spent=spent)
        ran = np.ones(15, bool) if spent is None else (np.arange(5) < spent[:, None]).ravel()
        assert np.array_equal(simulated.potentials, result.potentials * ran[:, None])
        assert np.array_equal(simulated.cycles, result.cycles * ran)
        assert np.array_equal(simulated.trains["hidden"][ran], reference.trains["hidden"][ran])
    tables = engine.tables
    counted = engine.run(frames, counted=True)
    model = count_losses(tables, scheduled, reference.trains, windows=WINDOWS)
    assert losses_of_counters(tables, counted.counted) == model
    exact = {memory.name: memory for memory in memories(tables)}
    guess = {m.name: m for m in memories_of(estimated, tables.array, 1)}
    for name in ("events", "pointers", "states"):
        assert guess[name] == exact[name]


def test_what_has_no_window_before_is_refused():
    module, _ = feedback_network()
    scheduled = schedule(module.clone(), PIPELINE)
    program = program_of(scheduled)
    program.window_stride = type(program.window_stride).from_list(
        program.window_stride.elt_type, [0, 0]
    )
    with pytest.raises(UserError, match="events that the next window needs are written over"):
        schedule(scheduled, "verify-pe-schedule")
    with pytest.raises(UserError, match="kept on the chip"):
        schedule(module.clone(), "tile-to-pe{maps=ddr}")


# From torch ---------------------------------------------------------------------------------------


def tool(capsys, *words) -> tuple[int, str, str]:
    status = run_tool(snnc.run, [*map(str, words)])
    said = capsys.readouterr()
    return status, said.out, said.err


@needs_gcc
def test_torch_has_the_spikes_of_the_machine(tmp_path, capsys):
    """Trained a little, exported, imported: the same integers, from torch to C."""
    torch = pytest.importorskip("torch", reason="needs torch")
    from snnir.training.export import export_onnx
    from snnir.training.recurrent import recurrent

    net = recurrent(6, [8, 5], 4, bits=5, seed=2)
    rng = torch.Generator().manual_seed(1)
    x = (torch.rand(40, 7, 1, 2, 3, generator=rng) < 0.4).float()
    y = x.flatten(1).sum(1).long() % 4
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    losses = []
    for _ in range(25):
        loss = torch.nn.functional.cross_entropy(net(x) * 8, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < losses[0]
    assert all(branch.weight.grad.abs().max() > 0 for branch in net.stages[0].branches)
    net.eval()
    with torch.no_grad():
        run = net.run(x)
    export_onnx(net, tmp_path / "net.onnx", (1, 2, 3))
    np.savez(tmp_path / "x.npz", x=x.numpy().astype(np.uint8), y=y.numpy())
    words = ["compile", tmp_path / "net.onnx", "-o", tmp_path / "b", "--array", "2,4,1,2"]
    assert tool(capsys, *words, "--no-verilog")[2].count("give windows=N") == 1
    assert tool(capsys, *words, "--no-verilog", "--windows", 7)[0] == 0
    build = BuildFolder(tmp_path / "b")
    trains = [
        np.stack([window[stage].values.numpy() for window in run], axis=1) for stage in range(3)
    ]
    for engine in ("interp", "fast", "c"):
        result = run_engine(engine, build, x.numpy().astype(np.uint8), trains=True)
        labels = [label for label in result.trains if label != "input"]
        for label, values in zip(labels, trains, strict=False):
            assert 0.02 < values.mean() < 0.98
            assert np.array_equal(result.trains[label].reshape(values.shape), values), label
        assert np.array_equal(result.potentials.reshape(trains[2].shape), trains[2])
    # What is counted of the window before are the events that the machine reads, tile by tile.
    for layer in count_operations(build.snn, result.trains, 7):
        tiles = {"add1": 2, "add2": 2}.get(layer.name, 1)
        met = tiles * layer.total("fetched_trains")
        assert result.events[layer.name].mean() == pytest.approx(met), layer.name
    status, out, _ = tool(capsys, "run", build.path, "--input", tmp_path / "x.npz", "--json")
    assert status == 0
    found = json.loads(out)
    assert found["float_accuracy"] is None
    assert found["predictions"] == trains[2][:, -1].argmax(1).tolist()

    # Events, longer than a window: a sample is seven steps of them.
    rng = np.random.default_rng(3)
    t = np.sort(rng.integers(0, 140, 30))
    events = {"x": rng.integers(0, 3, 30), "y": rng.integers(0, 2, 30), "t": t}
    np.savez(tmp_path / "events.npz", **events)
    taken = ("--events", tmp_path / "events.npz", "--bin", 10, "--json")
    windows = json.loads(tool(capsys, "run", build.path, *taken)[1])["windows"]
    wanted = np.zeros((14, 1, 2, 3), np.uint8)
    wanted[(t - t[0]) // 10, 0, events["y"], events["x"]] = 1
    result = run_engine("interp", build, wanted.reshape(2, 7, 1, 2, 3), trains=True)
    assert windows["predictions"] == result.potentials.argmax(1).reshape(2, 7).tolist()
    spikes = sum(result.trains[label].reshape(2, 7, -1).sum(2) for label in labels)
    assert windows["spikes"] == spikes.tolist()
    # The same as samples in a file; uncut, the whole recording is one sample of seven steps.
    made = ("events", tmp_path / "events.npz", "-o", tmp_path / "s.npz", "--size", "1x2x3")
    status, *_ = tool(capsys, *made, "--timesteps", 1, "--bin", 10, "--stream", 7)
    assert status == 0
    assert np.array_equal(np.load(tmp_path / "s.npz")["x"], wanted.reshape(2, 7, 1, 2, 3))
    whole = json.loads(tool(capsys, "run", build.path, *taken[:2], "--json")[1])["windows"]
    assert np.shape(whole["spikes"]) == (1, 7)
