"""The proof of one datapath: what the pipeline of a mode makes is what the neuron's regions say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from snnir.dialects.snn import NeuronOp
from snnir.proof.check import Check
from snnir.proof.life import Life, set_ranges
from snnir.proof.ranges import Channels, prove_ranges
from snnir.proof.smt import PROVED, UNKNOWN
from snnir.proof.unit import CounterExample, Unit
from snnir.schedule.program import Mode


@dataclass
class DatapathProof:
    """What was shown of one neuron under one mode.

    Args:
        answer: `proved`, `refuted` or `unknown`.
        ranges: whether the ranges were proved too; else they are assumed.
        terms: ops of the neuron in one life; `cuts`: those of them that were proved equal to a
            value of the circuit, one after the other.
        questions: different ones that were put to the solver, for the ranges and the circuit.
    """

    neuron: str
    mode: Mode
    layers: list[str]
    answer: str = UNKNOWN
    ranges: bool = False
    width: int = 0
    clocks: int = 0
    terms: int = 0
    cuts: int = 0
    groups: int = 0
    questions: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    open: list[str] = field(default_factory=list)
    example: CounterExample | None = None


def prove_datapath(
    neuron: NeuronOp,
    mode: Mode,
    layers: Sequence[Channels],
    unit: Unit,
    *,
    question: float = 20.0,
    limit: float = 120.0,
    seed: int = 1,
) -> DatapathProof:
    """Prove that the unit does what the neuron says, for all inputs of the layers.

    Args:
        question, limit: seconds for each question to the solver, and for all of them.
    """
    start = time.monotonic()
    names = [layer.layer for layer in layers]
    proof = DatapathProof(neuron.sym_name.data, mode, names, clocks=unit.clocks)
    proof.width = unit.membrane_bits
    half = start + limit / 2
    found = prove_ranges(neuron, layers, unit.membrane_bits, question, half, unit.kept)
    proof.ranges, proof.groups = not found.open, len(found.groups)
    proof.open = [f"range of {what}" for what in found.open]
    life = Life(neuron, mode)
    proof.terms = len(life.terms)
    groups, before = (found.groups, found.before) if found.fits else (layers, ())
    check = Check(life, unit, groups, before, seed)
    if not check.differs_at_random() and found.fits:
        set_ranges(life, found.values, check.input_ranges(layers), found.begins)
        sweep = check.sweep(question, start + limit)
        check.ask(sweep)
        proof.cuts, proof.questions = sweep.cuts, (found.questions, sweep.questions)
    proof.answer, proof.example = check.answer, check.example
    proof.open += check.open
    if proof.answer == PROVED and proof.open:
        proof.answer = UNKNOWN
    proof.seconds = time.monotonic() - start
    return proof
