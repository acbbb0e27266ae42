"""The rows of docs/results.md, section by section."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from results_rows import AHEAD, Network, Row, Section, lif, radix, rate, trained, tried

QAT = "python tools/train_qat.py"
POINTS = {8: 0.2, 4: 0.5, 3: 2.0}
"""What may be lost by radix coding with T = 4, by bits."""
RATE_POINTS = {8: 0.5, 4: 1.5}
"""What may be lost by rate coding, by T."""
LISTENS = ("--neuron", "ahead", "--neuron-values", "ahead=2")
"""Neurons of rate coding that decide each spike two steps later."""
GIVEN = "$SNNIR_DATA/models/cifar10"
"""Where the networks of CIFAR-10 are that others trained."""
FEW = 5
"""Images of CIFAR-10 in simulated Verilog, a second or a few each."""


def lenet5() -> Section:
    network = Network(
        "lenet5", "LeNet-5", "mnist", "examples/lenet5.onnx", asked=99.2,
        recipe="python tools/train_lenet5.py",
    )  # fmt: skip
    qat = f"{QAT} lenet5 --start examples/lenet5.onnx --threads 1 -o DIR"
    narrow, wide = "4,8,4", "4,8,8"
    return Section(
        "LeNet-5 on MNIST",
        "All 10,000 test images.",
        (
            Row(network, **radix(4, 8, narrow)),
            Row(network, **radix(4, 4, narrow), within=0.2),
            Row(network, **radix(4, 3, narrow)),
            Row(network, **rate(8, 8, wide), within=0.5),
            Row(network, **rate(8, 4, wide), within=0.5),
            trained(network, radix(4, 4, narrow), "examples/lenet5_radix4.onnx",
                    f"{qat} --epochs 8", 0.2),
            trained(network, rate(8, 4, wide), "examples/lenet5_rate8.onnx",
                    f"{qat} --coding rate --steps 8 --epochs 4", 0.5),
        ),
    )  # fmt: skip


def public() -> Section:
    """Networks that others trained, as they are."""
    folder = "$SNNIR_DATA/models/"
    networks = [
        Network("mnist-8", "mnist-8", "mnist", f"{folder}mnist-8/model.onnx",
                ("--input-scale", "1")),
        *(Network(name.lower(), name, "mnist", f"{folder}vnncomp/{name}.onnx")
          for name in ("Convnet_maxpool", "Convnet_avgpool", "mnist-net_256x2")),
        Network("resnet_2b", "resnet_2b", "cifar10", f"{folder}vnncomp/resnet_2b.onnx",
                ("--mean", "0.4914,0.4822,0.4465", "--std", "0.2471,0.2435,0.2616"),
                only=("test",)),
    ]  # fmt: skip
    return Section(
        "Networks of others",
        "mnist-8 is from the ONNX model zoo, the others are from VNN-COMP 2021, as they are.",
        tuple(
            Row(network, **radix(steps, bits, f"4,8,{steps}"), within=0.5 if bits == 8 else None)
            for network in networks
            for steps in ((8, 4) if network.key == "resnet_2b" else (4,))
            for bits in (8, 6, 4, 3)
        ),
    )


def converted(
    network: Network, steps: int = 4, bits: Iterable[int] = POINTS, rates: Iterable[int] = ()
) -> tuple[Row, ...]:
    """A network of CIFAR-10 without training.

    Args:
        steps, bits: T of its rows of radix coding, and their bits.
        rates: bits of its rows of rate coding, T = 8.
    """
    rows = [Row(network, **radix(steps, b, f"8,32,{steps}"), within=POINTS[b], verified=FEW)
            for b in bits]  # fmt: skip
    rows += [Row(network, **rate(8, b, "8,32,8"), verified=FEW, calibrated=128) for b in rates]
    return tuple(rows)


def listening(network: Network, steps: int) -> Row:
    """A network of CIFAR-10 without training, 4 bits, in rate coding that listens ahead."""
    row = Row(network, **rate(steps, 4, f"8,32,{steps}"), within=RATE_POINTS[steps], verified=FEW)
    return tried(row, AHEAD, *LISTENS)


def listened(network: Network, steps: int, recipe: str, how: str) -> Row:
    """Of neurons that listen ahead, trained further."""
    model = network.key.partition("-")[0]
    folder = f"$MODELS/{model}_ahead{steps}"
    listens = f"--coding rate --steps {steps} --ahead 2 --margin 4 --teach 1 --average 0.98"
    return trained(
        network, rate(steps, 4, f"8,32,{steps}"), f"{folder}/{model}.onnx",
        f"{recipe} {listens} {how} -o {folder}", RATE_POINTS[steps], FEW, f"trained {AHEAD}",
    )  # fmt: skip


def stepped(
    recipe: str, model: str, *stages: tuple[str, str], after: str | None = None
) -> tuple[str, ...]:
    """Commands that train step by step neurons that decide each spike in its own step.

    Args:
        recipe: what all have in common.
        stages: the folder that each makes is $MODELS/MODEL_NAME, NAME the first, options the
            second; each starts with what the one before it has learnt.
        after: NAME of what the first starts with.
    """
    commands = []
    for name, options in stages:
        if after is not None:
            options = f"{learnt(model, after)} {options}"
        commands.append(
            f"{recipe} --coding rate --epochs 0 --through steps --steps-batch 64 --teach 1 "
            f"--average 0.99 {options} -o $MODELS/{model}_{name}"
        )
        after = name
    return tuple(commands)


def learnt(model: str, *names: str) -> str:
    """The options that start with what a stage of `stepped` has learnt; the mean of several."""
    files = (f"$MODELS/{model}_{name}/{model}.steps.checkpoint" for name in names)
    return " ".join(f"--weights {file}" for file in files)


def mean(recipe: str, model: str, steps: int, *names: str) -> str:
    """The command that makes $MODELS/MODEL_causalT_mean, the mean of stages of `stepped`."""
    return (
        f"{recipe} --steps {steps} --coding rate --epochs 0 {learnt(model, *names)} "
        f"-o $MODELS/{model}_causal{steps}_mean"
    )


def causal(network: Network, steps: int, commands: tuple[str, ...]) -> Row:
    """Of neurons that decide each spike in its own step, trained by commands one after another."""
    model = network.key.partition("-")[0]
    folder = commands[-1].rpartition(" -o ")[2]
    return trained(
        network, rate(steps, 4, f"8,32,{steps}"), f"{folder}/{model}.onnx",
        " && ".join(commands), RATE_POINTS[steps], FEW,
    )  # fmt: skip


def prepared(network: Network, steps: int, file: str, recipe: str) -> Row:
    """As `listening`, of a float network that was trained on from it to bear rounding."""
    return replace(listening(network, steps), trained=file, plain=True, recipe=recipe,
                   mark=f"prepared {AHEAD}")  # fmt: skip


def vgg11() -> Section:
    file = f"{GIVEN}/vgg11_cifar10.onnx"
    given = Network("vgg11", "VGG-11", "cifar10", file)
    teacher = "--teacher resnet18=$MODELS/resnet18_coarse/resnet18.onnx"
    on = (
        "python tools/train_cifar10.py vgg11 --bf16 --optimiser muon --batch 512 "
        f"--levels 8 --teach 0.9 {teacher}"
    )
    parts = [f"$MODELS/vgg11_{part}/vgg11.onnx" for part in ("coarse", "taught", "taught2")]
    taught = Network(
        "vgg11-taught", "VGG-11, taught", "cifar10", "$MODELS/vgg11_taught.onnx", asked=91.0,
        recipe=f"{on} --rate 0.15 --average 0.98 --epochs 5 --coarse 0.6 "
        f"--start {file} -o $MODELS/vgg11_coarse && "
        f"{on} --rate 0.15 --average 0.985 --epochs 14 --coarse 0.4 "
        f"--start {parts[0]} -o $MODELS/vgg11_taught && "
        f"{on} --rate 0.08 --average 0.985 --epochs 3 --coarse 1 "
        f"--start {parts[1]} -o $MODELS/vgg11_taught2 && "
        f"python tools/average_networks.py {' '.join(parts)} {parts[2]} "
        "-o $MODELS/vgg11_taught.onnx",
    )  # fmt: skip
    grid = f"{QAT} vgg11 --start {taught.model} --bf16 --optimiser grid --batch 64"
    return Section(
        "VGG-11 on CIFAR-10",
        "The first network was trained for 14 epochs. It was trained on for 5, from there for 14, "
        "and from there for 3 epochs, taught by ResNet-18; in 3, 5.6 and 3 of them half of the "
        "images met activations rounded to 9 values. The second is the mean of these three, the "
        "last of which counts twice. Networks trained in rate coding without listening ahead are "
        "means of two stages of their training, which were chosen by both splits, so that the "
        "test images are not independent of them (docs/training.md has the neighbours).",
        (
            *converted(given, rates=(8, 4, 3)),
            tried(converted(given)[1], "128 images", calibrated=128),
            *converted(taught, rates=(4,)),
            listening(taught, 8),
            listening(taught, 4),
            trained(taught, radix(4, 4, "8,32,4"), "$MODELS/vgg11_grid4/vgg11.onnx",
                    f"{grid} --teach 0.9 {teacher} --epochs 0.4 --rate 0.02 --average 0.99 "
                    "-o $MODELS/vgg11_grid4", 0.5, FEW),
            listened(taught, 8, grid, "--epochs 0.3 --rate 0.005 --settle 128 "
                     "--steps-epochs 0.15 --steps-batch 64 --steps-rate 0.002"),
            *causal_vgg11(taught, grid, teacher),
        ),
    )  # fmt: skip


def causal_vgg11(network: Network, recipe: str, teacher: str) -> tuple[Row, Row]:
    """VGG-11 whose neurons decide each spike in its own step, T = 8 and, from a stage of it, 4."""
    begun = stepped(
        f"{recipe} --steps 8", "vgg11",
        ("causal8", "--settle 128 --steps-epochs 2 --steps-rate 0.01"),
        ("causal8b", "--steps-epochs 0.8 --steps-rate 0.005"),
        ("causal8c", "--steps-epochs 3 --steps-rate 0.01"),
    )  # fmt: skip
    eight = stepped(
        f"{recipe} --steps 8", "vgg11",
        ("causal8d", f"--steps-epochs 2 --steps-rate 0.007 {teacher}"),
        ("causal8e", f"--steps-epochs 1.2 --steps-rate 0.004 {teacher}"),
        after="causal8c",
    )  # fmt: skip
    four = stepped(
        f"{recipe} --steps 4", "vgg11",
        ("causal4", "--settle 128 --steps-epochs 1.6 --steps-rate 0.01"),
        ("causal4b", f"--steps-epochs 3 --steps-rate 0.01 {teacher}"),
        ("causal4c", f"--steps-epochs 3 --steps-rate 0.01 {teacher}"),
        ("causal4d", f"--steps-epochs 1.4 --steps-rate 0.007 --mix 0.5 {teacher}"),
        ("causal4e", f"--steps-epochs 0.8 --steps-rate 0.004 {teacher}"),
        after="causal8c",
    )  # fmt: skip
    mean_8 = mean(recipe, "vgg11", 8, "causal8d", "causal8d", "causal8e")
    mean_4 = mean(recipe, "vgg11", 4, "causal4d", "causal4e")
    return (
        causal(network, 8, (*begun, *eight, mean_8)),
        causal(network, 4, (*begun, *four, mean_4)),
    )


def causal_resnet18(network: Network, even: tuple[str, str]) -> tuple[Row, Row]:
    """ResNet-18 likewise, trained with T = 4 alone, from (a float network, what trains it)."""
    recipe = f"{QAT} resnet18 --start {even[0]} --bf16 --optimiser grid --batch 64"
    teacher = f"--teacher resnet18={network.model}"
    stages = stepped(
        f"{recipe} --steps 4", "resnet18",
        ("causal4", f"--settle 128 --steps-epochs 2 --steps-rate 0.01 {teacher}"),
        ("causal4b", f"--steps-epochs 0.9 --steps-rate 0.008 {teacher}"),
    )  # fmt: skip
    mean_8, mean_4 = (mean(recipe, "resnet18", steps, "causal4", "causal4b") for steps in (8, 4))
    return (
        causal(network, 8, (even[1], *stages, mean_8)),
        causal(network, 4, (even[1], *stages, mean_4)),
    )


def resnets() -> Section:
    file = f"{GIVEN}/resnet18_cifar10.onnx"
    given = Network("resnet18", "ResNet-18", "cifar10", file)
    deep = Network(
        "resnet18-coarse", "ResNet-18, trained coarsely", "cifar10",
        "$MODELS/resnet18_coarse/resnet18.onnx", asked=93.0,
        recipe=f"python tools/train_cifar10.py resnet18 --start {file} --bf16 --optimiser muon "
        "--rate 0.2 --batch 256 --average 0.995 --epochs 14 --sizes 20,26,32 --coarse 0.33 "
        "-o $MODELS/resnet18_coarse",
    )  # fmt: skip
    folder = "$MODELS/resnet18_even"
    even = (
        f"{folder}/resnet18.onnx",
        f"python tools/train_cifar10.py resnet18 --start {deep.model} --bf16 --optimiser muon "
        "--rate 0.1 --batch 512 --average 0.985 --epochs 3 --coarse 1 --levels 4 "
        f"--teach 0.9 --teacher resnet18={deep.model} -o {folder}",
    )
    narrow = Network(
        "resnet20", "ResNet-20", "cifar10", "$MODELS/resnet20.onnx", asked=90.0,
        recipe="python tools/train_cifar10.py resnet20 --epochs 42 --rate 0.15 --sizes 16,24,32 "
        "-o $MODELS",
    )  # fmt: skip
    deeper = f"{QAT} resnet18 --start {deep.model} --bf16 --optimiser grid --batch 64"
    grid = f"{QAT} resnet20 --start $MODELS/resnet20.onnx --optimiser grid --batch 64"
    return Section(
        "ResNet-18 and ResNet-20 on CIFAR-10",
        "The first ResNet-18 was trained for 9 epochs, the second for 14 more; in the last third "
        "of them half of the images met activations rounded to 16 values. For its rate coding it "
        "is prepared: trained on for 3 epochs in which half of the images meet activations rounded "
        "to 5 values, as a float network still, and converted. That is compared with the network "
        "it was trained from.",
        (
            *converted(given, rates=(4,)),
            tried(converted(given)[1], "learned", "--balance", "learned"),
            *converted(deep),
            listening(deep, 8),
            listening(deep, 4),
            trained(deep, radix(4, 4, "8,32,4"), "$MODELS/resnet18_grid4/resnet18.onnx",
                    f"{deeper} --epochs 0.3 --rate 0.005 --average 0.98 --teach 1 "
                    "-o $MODELS/resnet18_grid4", 0.5, FEW),
            *(prepared(deep, steps, *even) for steps in (8, 4)),
            *causal_resnet18(deep, even),
            *converted(narrow),
            tried(converted(narrow)[0], "per channel", "--per-channel"),
            *converted(narrow, steps=6, bits=(8, 4)),
            trained(narrow, radix(4, 8, "8,32,4"), "$MODELS/resnet20_tuned8/resnet20.onnx",
                    f"{grid} --bits 8 --images 1024 --epochs 8 --rate 0.01 --average 0.98 "
                    "--teach 1 --equalise -o $MODELS/resnet20_tuned8", 0.2, FEW,
                    "tuned without labels"),
            trained(narrow, radix(4, 4, "8,32,4"), "$MODELS/resnet20_grid4/resnet20.onnx",
                    f"{grid} --epochs 3 --rate 0.02 --average 0.995 --teach 0.9 "
                    "-o $MODELS/resnet20_grid4", 0.5, FEW),
        ),
    )  # fmt: skip


def alexnet() -> Section:
    fast = "python tools/train_cifar10.py alexnet --bf16 --optimiser muon --batch 256"
    on = f"{fast} --rate 0.12 --average 0.995"
    mean = "python tools/average_networks.py $MODELS/alexnet.onnx $MODELS/alexnet2/alexnet.onnx"
    start = "$MODELS/alexnet_mean3.onnx"
    network = Network(
        "alexnet", "AlexNet", "cifar10", start, asked=91.0,
        recipe=f"{fast} --rate 0.3 --epochs 16 -o $MODELS && "
        f"{on} --start $MODELS/alexnet.onnx --epochs 5.5 --teach 0.9 "
        f"--teacher resnet18={GIVEN}/resnet18_cifar10.onnx "
        f"--teacher vgg11={GIVEN}/vgg11_cifar10.onnx -o $MODELS/alexnet2 && "
        f"{mean} -o $MODELS/alexnet_mean2.onnx && "
        f"{on} --start $MODELS/alexnet_mean2.onnx --epochs 3 -o $MODELS/alexnet3 && "
        f"{mean} $MODELS/alexnet3/alexnet.onnx -o {start}",
    )  # fmt: skip
    taught = Network(
        "alexnet-taught", "AlexNet, taught", "cifar10", "$MODELS/alexnet_mean4.onnx", asked=91.0,
        recipe=f"{fast} --rate 0.1 --average 0.99 --start {start} --epochs 2 --teach 0.9 "
        "--teacher resnet18=$MODELS/resnet18_coarse/resnet18.onnx -o $MODELS/alexnet4 && "
        f"python tools/average_networks.py {start} $MODELS/alexnet4/alexnet.onnx "
        "-o $MODELS/alexnet_mean4.onnx",
    )  # fmt: skip
    qat = (
        f"{QAT} alexnet --start {start} --steps 6 --epochs 0.25 --batch 64 "
        "--rate 0.003 --teach 0.8 --teach-layers 0.1 -o $MODELS/alexnet_radix6"
    )
    return Section(
        "AlexNet on CIFAR-10",
        "Its form for images of 32 x 32: the mean of a network trained for 16 epochs (40 minutes "
        "on two cores) and of two that were trained on, for 5.5 and 3 epochs. The second is the "
        "mean of that mean and of what was trained on from it for 2 epochs, taught by ResNet-18.",
        (
            *converted(network, steps=6),
            trained(network, radix(6, 4, "8,32,6"), "$MODELS/alexnet_radix6/alexnet.onnx", qat,
                    0.5, FEW),
            *converted(taught, steps=6),
        ),
    )  # fmt: skip


def leaky() -> Section:
    recipe = "python tools/train_lif.py"
    patchnet = Network(
        "patchnet", "patchnet", "satimage", "$MODELS/patchnet/patchnet_float.onnx",
    )  # fmt: skip
    volumes = Network(
        "patchnet3d", "patchnet3d", "satimage_volumes",
        "$MODELS/patchnet3d/patchnet3d_float.onnx",
    )  # fmt: skip
    vgg6 = Network("vgg6", "VGG-6", "cifar10", "$MODELS/vgg6/vgg6_float.onnx")
    return Section(
        "Leaky neurons",
        "Landsat Satimage (2,000 test rows of sat.tst) and CIFAR-10. Weights, thresholds and leaks "
        "are trained; the recipe trains the float network of the same form first. patchnet3d sees "
        "the four bands as a volume, patchnet as channels.",
        (
            trained(patchnet, lif(5, 6, "2,8,5"), "$MODELS/patchnet/patchnet.onnx",
                    f"{recipe} patchnet --threads 1 -o $MODELS/patchnet", None),
            trained(volumes, lif(5, 6, "4,16,5,2"), "$MODELS/patchnet3d/patchnet3d.onnx",
                    f"{recipe} patchnet3d --threads 1 -o $MODELS/patchnet3d", None),
            trained(vgg6, lif(5, 6, "4,16,5"), "$MODELS/vgg6/vgg6.onnx",
                    f"{recipe} vgg6 --float-epochs 6 --epochs 1 --rate 0.02 --through counts "
                    "--steps-batch 64 --teach 0.5 --teach-layers 0.1 --threads 1 -o $MODELS/vgg6",
                    None, FEW),
        ),
    )  # fmt: skip


def digits() -> Section:
    network = Network(
        "digits", "digits", "digits", "examples/digits.onnx", recipe="python tools/train_digits.py"
    )
    return Section(
        "The shipped example",
        "A residual network on scikit-learn's digits, 540 images that were held out.",
        tuple(Row(network, **radix(4, bits, "2,4,4"), verified=5) for bits in (8, 4)),
    )


def sections() -> list[Section]:
    return [lenet5(), vgg11(), resnets(), alexnet(), leaky(), public(), digits()]


def all_rows() -> dict[str, Row]:
    """Name to row; names are unique."""
    rows = [row for section in sections() for row in section.rows]
    named = {row.name: row for row in rows}
    assert len(named) == len(rows), "two rows of one name"
    return named
