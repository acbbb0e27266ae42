"""Rows of docs/results.md: networks of CIFAR-10."""

from __future__ import annotations

from results_kinds import causal, converted, listened, listening, mean, prepared, stepped
from results_rows import FEW, QAT, Network, Row, Section, radix, trained, tried

GIVEN = "$SNNIR_DATA/models/cifar10"
"""Where the networks of CIFAR-10 are that others trained."""


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


def resnet18() -> Section:
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
    deeper = f"{QAT} resnet18 --start {deep.model} --bf16 --optimiser grid --batch 64"
    return Section(
        "ResNet-18 on CIFAR-10",
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
        ),
    )  # fmt: skip


def resnet20() -> Section:
    narrow = Network(
        "resnet20", "ResNet-20", "cifar10", "$MODELS/resnet20.onnx", asked=90.0,
        recipe="python tools/train_cifar10.py resnet20 --epochs 42 --rate 0.15 --sizes 16,24,32 "
        "-o $MODELS",
    )  # fmt: skip
    grid = f"{QAT} resnet20 --start {narrow.model} --optimiser grid --batch 64"
    return Section(
        "ResNet-20 on CIFAR-10",
        "ResNet of 16, 32 and 64 channels and 0.27 million weights.",
        (
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
    average = "python tools/average_networks.py $MODELS/alexnet.onnx $MODELS/alexnet2/alexnet.onnx"
    start = "$MODELS/alexnet_mean3.onnx"
    network = Network(
        "alexnet", "AlexNet", "cifar10", start, asked=91.0,
        recipe=f"{fast} --rate 0.3 --epochs 16 -o $MODELS && "
        f"{on} --start $MODELS/alexnet.onnx --epochs 5.5 --teach 0.9 "
        f"--teacher resnet18={GIVEN}/resnet18_cifar10.onnx "
        f"--teacher vgg11={GIVEN}/vgg11_cifar10.onnx -o $MODELS/alexnet2 && "
        f"{average} -o $MODELS/alexnet_mean2.onnx && "
        f"{on} --start $MODELS/alexnet_mean2.onnx --epochs 3 -o $MODELS/alexnet3 && "
        f"{average} $MODELS/alexnet3/alexnet.onnx -o {start}",
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
