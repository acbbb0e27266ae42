"""The neuron language: what it means, what it prints, and the place of each error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neuron_networks import REFRACTORY

from snnir.analysis.ranges import neuron_ranges
from snnir.errors import UserError
from snnir.interpreters.neuron import run_neuron
from snnir.neurons.library import load_neuron, read_neuron, shipped
from snnir.neurons.printing import print_neuron

LIF = """neuron lif(theta, leak):
    state v = 0
    v = v - (v >> leak) + I
    spike when v >= theta
    on spike: v = v - theta
"""


def neuron_of(*lines: str, head: str = "neuron n(theta, bias):", tail: bool = True):
    """A neuron of some lines, and a spike that asks for nothing."""
    rest = ("spike when v >= theta",) if tail else ()
    return read_neuron("\n".join([head, *(f"    {line}" for line in (*lines, *rest))]))


def life(op, currents, steps=None, **params):
    """Spikes and last state of one neuron for the current of each step."""
    found, states = {name: np.array([value]) for name, value in params.items()}, None
    steps = len(currents) if steps is None else steps
    planes = [np.array([[current]]) for current in currents]
    rate = op.coding is None or op.coding.data == "rate"
    spikes, states = run_neuron(
        op, planes, found, coding="rate" if rate else "radix", steps_in=len(planes),
        steps_out=steps, fraction=0, rate=rate,
    )  # fmt: skip
    return [int(spike.item()) for spike in spikes or []], int(states.item())


# Meaning ---------------------------------------------------------------------------------------


def test_the_first_example():
    op = read_neuron(LIF).op
    assert op.param_names == ("theta", "leak", "bias") and op.coding is None
    # v: 10; 10 - 5 + 10 = 15; 15 - 7 + 10 = 18 -> 2; 2 - 1 + 10 = 11
    assert life(op, [10] * 4, theta=16, leak=1, bias=0) == ([0, 0, 1, 0], 11)
    assert life(op, [7] * 4, theta=16, leak=1, bias=3) == ([0, 0, 1, 0], 11)


def test_conditions_choose_among_all_states():
    op = neuron_of(
        "state v = 0", "state n = 0",
        "if I > 3 and not n == 2:", "    v = v + I", "    n = n + 1",
        "elif I < 0 or n == 2: v = -1", "else: n = 5",
    ).op  # fmt: skip
    assert life(op, [4, 9], theta=99, bias=0)[1] == 13
    assert life(op, [4, 9, 9], theta=99, bias=0)[1] == -1
    assert life(op, [1, 9], theta=99, bias=0)[1] == 9


def test_types_saturate_and_points_move():
    op = neuron_of("state v: int8 = 100", "v = v + I").op
    assert life(op, [50], theta=999, bias=0)[1] == 127
    assert life(op, [-500], theta=999, bias=0)[1] == -128
    # 1.5 with four bits is 24; half of it and 2.25 more are 3.0.
    op = neuron_of("state v: fix.4 = 1.5", "v = v * 0.5q3 + 2.25").op
    assert life(op, [0], theta=99, bias=0)[1] == 48
    # An integer meets a fraction: the integer is shifted up, and what is assigned down again.
    op = neuron_of("state v = 3", "let half: fix.1 = 0.5", "v = v + half + half").op
    assert life(op, [0], theta=99, bias=0)[1] == 4


def test_functions():
    op = neuron_of(
        "state v = 0", "v = max(min(I, 9), 2) + abs(-4) + clamp(I, 0, 3) + int(I > 5)"
    ).op
    assert life(op, [7], theta=99, bias=0)[1] == 7 + 4 + 3 + 1


def test_step_and_left():
    op = neuron_of(
        "state v = 0", "v = v * 10 + step", "spike when left == 1", tail=False
    ).op  # fmt: skip
    assert life(op, [0] * 4, theta=1, bias=0) == ([0, 0, 1, 0], 123)


def test_a_delayed_spike_comes_later_and_resets_at_once():
    op = neuron_of(
        "state v = 0", "v = v + I", "spike when v >= theta delayed by 2", "on spike: v = 0",
        tail=False,
    ).op  # fmt: skip
    assert life(op, [5, 0, 0, 5, 5, 0], theta=5, bias=0) == ([0, 0, 1, 0, 0, 1], 0)


def test_refractory_counter():
    op = neuron_of(
        "state v = 0", "state rest = 0",
        "if rest > 0: rest = rest - 1", "else: v = v + I",
        "spike when v >= theta and rest == 0", "on spike:", "    v = 0", "    rest = 2",
        tail=False,
    ).op  # fmt: skip
    assert life(op, [9] * 7, theta=9, bias=0)[0] == [1, 0, 0, 1, 0, 0, 1]


def test_table_with_lines_between_its_points():
    lines = ("table square(x from 0 to 8, 4 steps): fix.2 = x * x", "state v: fix.2 = 0")
    op = neuron_of(*lines, "let x: fix.1 = I", "v = square(x)").op
    # Straight lines between 0, 4, 16, 36, 64; flat outside.
    for current, value in ((0, 0), (1, 2), (2, 4), (3, 10), (7, 50), (8, 64), (20, 64), (-5, 0)):
        assert life(op, [current], theta=9999, bias=0)[1] == 4 * value, current


def test_random_is_the_register_of_its_taps():
    op = neuron_of(
        "state v = 0", "v = random(4, 0b1100)", head="neuron n(theta, bias, seed = 1):"
    ).op
    seen, register = [], 1
    for _ in range(16):
        register = (register << 1 & 15) | (register >> 3 ^ register >> 2) & 1
        seen.append(register)
    assert sorted(seen[:15]) == list(range(1, 16)), "the taps give the longest sequence"
    for steps in (1, 2, 7, 15):
        assert life(op, [0] * steps, theta=99, bias=0, seed=1)[1] == seen[steps - 1]
    # A register of zeros would stay at zero.
    assert life(op, [0], theta=99, bias=0, seed=16)[1] == seen[0]


def test_options_decide_what_is_there():
    lines = ("option kind: plus, minus", "option gain: 1 to 4 = 2", "state v = 0",
             "if kind == plus: v = v + gain * I", "else: v = v - gain * I")  # fmt: skip
    text = "\n    ".join(["neuron n(theta, bias):", *lines, "spike when v >= theta"])
    assert life(read_neuron(text).op, [3], theta=99, bias=0)[1] == 6
    assert life(read_neuron(text, kind="minus", gain="4").op, [3], theta=99, bias=0)[1] == -12
    with pytest.raises(UserError, match="option gain is 5, allowed are 1 to 4"):
        read_neuron(text, gain="5")
    with pytest.raises(UserError, match="there is no option 'colour'"):
        read_neuron(text, colour="red")


def test_radix_is_rounding():
    op = load_neuron("radix").op
    for total in range(-20, 200, 7):
        planes = [total >> 3 << 0, *[(total >> k) & 1 for k in (2, 1, 0)]]
        spikes, _ = life(op, planes, theta=10, bias=0)
        value = int("".join(map(str, spikes)), 2)
        assert value == min(max((total + 5) // 10, 0), 15)


def test_ttfs_is_the_nearest_power_of_two():
    op = load_neuron("ttfs").op
    for total in range(0, 160, 3):
        planes = [total >> 3, *[(total >> k) & 1 for k in (2, 1, 0)]]
        spikes, _ = life(op, planes, theta=8, bias=0)
        assert sum(spikes) <= 1
        value = int("".join(map(str, spikes)), 2)
        want = max((2**k for k in range(4) if total >= 6 * 2**k), default=0)
        assert value == want


# Round trip ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*shipped(), "refractory", "lif"])
def test_what_is_printed_reads_back(name):
    texts = {"refractory": REFRACTORY, "lif": LIF}
    op = read_neuron(texts[name]).op if name in texts and name != "lif" else None
    op = op or (read_neuron(LIF).op if name == "lif" else load_neuron(name).op)
    op.verify()
    text = print_neuron(op)
    again = read_neuron(text).op
    assert again.is_structurally_equivalent(op)
    assert print_neuron(again) == text


def expressions(depth: int):
    """Texts of integer expressions over v, u, I and theta."""
    leaf = st.sampled_from(["v", "u", "I", "theta", "3", "-5", "0", "1"])
    if depth == 0:
        return leaf
    inner = expressions(depth - 1)
    truth = st.builds(
        "{} {} {}".format, inner, st.sampled_from(["<", "<=", "==", "!=", ">"]), inner
    )
    both = st.builds("({} {} {})".format, truth, st.sampled_from(["and", "or"]), truth)
    return st.one_of(
        leaf,
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "&", "|", "^"]), inner),
        st.builds("({} >> {})".format, inner, st.integers(0, 4)),
        st.builds("({} << {})".format, inner, st.integers(0, 2)),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("({} if {} else {})".format, inner, st.one_of(truth, both), inner),
        st.builds("abs({})".format, inner),
    )


@given(*[expressions(2)] * 4, st.sampled_from(["each", "swap", "reset"]))
@settings(max_examples=60, deadline=None)
def test_any_neuron_reads_back_and_stays_in_range(one, two, three, test, form):
    """Random programs: printed and read again they are equal, and no state leaves its range."""
    fire = test.replace("I", "v")
    lines = {
        "each": [f"v = clamp({one}, int12)", f"u = clamp({two}, int12)"],
        "swap": [f"let a = clamp({one}, int12)", f"u = clamp({two}, int12)", "v = a"],
        "reset": [f"v = clamp({one}, int12)", f"if {fire} > 2: u = clamp({two}, int9)"],
    }[form]
    three = three.replace("I", "u")
    op = neuron_of(
        "state v = theta", "state u = 1", *lines, f"spike when {fire} > 0",
        f"on spike: v = clamp({three}, int12)", tail=False,
    ).op  # fmt: skip
    op.verify()
    again = read_neuron(print_neuron(op)).op
    assert again.is_structurally_equivalent(op), print_neuron(op)
    how = dict(coding="rate", steps_in=3, steps_out=3, fraction=0, rate=True)
    params = {"theta": np.array([7]), "bias": np.array([-2])}
    rng = np.random.default_rng(len(one))
    low, high = np.array([-40]), np.array([60])
    ranges = neuron_ranges(op, params, (low, high), **how)
    planes = [rng.integers(-40, 61, (50, 1)) for _ in range(3)]
    _, membrane = run_neuron(op, planes, params, **how)
    assert ranges.lo <= membrane.min() and membrane.max() <= ranges.hi


def test_old_states_are_kept_where_they_are_still_needed():
    op = neuron_of("state v = 1", "state u = 2", "let old = v", "v = u + I", "u = old").op
    text = print_neuron(op)
    assert "let new_v_1 = u + I" in text and read_neuron(text).op.is_structurally_equivalent(op)
    assert life(op, [5, 5], theta=99, bias=0)[1] == 6


# Errors ----------------------------------------------------------------------------------------

BAD = {
    "character": ("v = v $ 1", "n:3:11: error: unexpected character '$'"),
    "unfinished": ("v = v +", "n:3:12: error: the line ends here"),
    "unknown": ("v = v + w", "n:3:13: error: there is no 'w'; known here are theta, bias, v, I"),
    "no state": ("w = 3", "n:3:5: error: 'w' is no state, so it cannot change"),
    "division": ("v = v / 3", "n:3:11: error: a neuron does not divide (/) while it runs"),
    "no integer": ("v = v + 0.5", "n:3:11: error: 0.5 is no integer"),
    "factor": ("v = v * 0.5", "n:3:11: error: 0.5 as a factor needs to know how many bits"),
    "condition": ("if v: v = 1", "n:3:8: error: a number where a condition is needed"),
    "number": ("v = v > 1", "n:3:11: error: a condition where a number is needed"),
    "chain": ("v = 1 < v < 3", "n:3:15: error: unexpected '<'"),
    "shift": ("v = v << 99", "n:3:11: error: a shift by 99 bits, allowed are 0 to 62"),
    "function": ("v = sqrt(v)", "n:3:9: error: there is no function 'sqrt'"),
    "arguments": ("v = min(v)", "n:3:9: error: min takes 2 arguments, not 1"),
    "taps": ("v = random(4, 3)", "n:3:9: error: taps 0x3 do not use the highest of 4 bits"),
    "table grid": (
        "v = f(v)", "n:3:9: error: the points of f are 0.75 units of its argument apart"
    ),
    "type": ("let x: int40 = v", "n:3:12: error: int40 has 40 bits, allowed are 1 to 31"),
    "left": ("v = left", "n:3:9: error: 'left' is only known while the neuron fires"),
    "name": ("let clk = v", "n:3:9: error: 'clk' has a meaning already"),
    "emission": ("emission later", "n:3:5: error: unknown emission 'later'"),
    "coding": ("coding phase", "n:3:5: error: unknown coding 'phase'"),
    "spike twice": ("spike when v > 1", "n:4:5: error: a neuron spikes at one place"),
    "indent": ("  v = 1", "n:3:1: error: this line is indented more than the one before"),
    "dedent": ("if v > 1:\n        v = 1\n      v = 2", "n:5:1: error: a line is indented less"),
    "settle": ("at end: v = 1", "n:1:8: error: 'at end' has no meaning with emission causal"),
    "word": ("stat w = 1", "n:3:10: error: unexpected 'w'; expected '=', the end of the line"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_errors_name_their_place(name):
    line, expected = BAD[name]
    table = "    table f(x from 0 to 3, 4 steps) = x\n" if name == "table grid" else ""
    text = (
        f"neuron n(theta, bias):\n    state v = 0\n    {line}\n{table}    spike when v >= theta\n"
    )
    with pytest.raises(UserError) as error:
        read_neuron(text, "n")
    shown = str(error.value)
    assert shown.startswith(expected) and "\n" not in shown


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", "n:1:1: error: the text ends here"),
        ("neuron n(theta):\n    v = 1\n", "a neuron needs a state"),
        ("neuron n(theta):\n    state v = 0\n", "the neuron never fires"),
        (
            "neuron n(theta, t1):\n    state v = 0\n",
            "n:1:17: error: parameter 't1' ends in a digit",
        ),
        ("neuron n(k: fix8.2 = 1):\n    state v = 0\n", "n:1:10: error: a parameter has no width"),
        ("neuron n(theta = 3):\n    state v = 0\n", "theta is what quantise makes of a layer"),
        ("neuron n(k, k):\n    state v = 0\n", "'k' has a meaning already, from n:1:10"),
        (
            "neuron n(theta):\n    coding radix\n    state v = 0\n    spike when v > 1\n",
            "radix coding sends the most significant spike first",
        ),
        (
            "neuron n(theta):\n    state v = 0\n    let x = I\n    spike when x > 1\n",
            "n:4:16: error: 'x' is made while the neuron integrates and is not known here",
        ),
    ],
)
def test_errors_of_whole_neurons(text, expected):
    with pytest.raises(UserError) as error:
        read_neuron(text, "n")
    assert expected in str(error.value)


def test_unknown_neurons_and_files(tmp_path):
    with pytest.raises(UserError, match="no neuron is called 'hodgkin'"):
        load_neuron("hodgkin")
    with pytest.raises(UserError, match="cannot be read"):
        load_neuron(str(tmp_path / "none.neuron"))
