"""Equality of a neuron's life and its circuit, from the inputs to the outputs by cut points.

Values of both sides that agree on many random inputs are candidates for being equal. From the
inputs on, each candidate is proved from those before it: these are cut, that is, replaced by
variables of which only their proven range is known. Where that loses too much, cuts are taken back
one after another, in the end all of them. What is equal under cuts is equal without.

Source: Kuehlmann, Paruthi, Krohm and Ganai, Robust Boolean Reasoning for Equivalence Checking and
Functional Property Verification, IEEE TCAD 2002 (cut points among internal equivalences).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from snnir.proof.circuit import Circuit, Net
from snnir.proof.life import Term
from snnir.proof.smt import (
    PROVED,
    REFUTED,
    UNKNOWN,
    Word,
    decide,
    net_word,
    region_op,
    resized,
    z3,
)

LEVELS = (0, 1, 2, 4, 8)
"""Cuts are first made at what is to be proved, then so many ops before."""

SHORT = (1, 2)
"""For a net that may be a term, or a truth that may be another; integers go on to all levels: what
was shifted up and down again may be far behind."""

CANDIDATES = 6
NEAR = 80
"""How many nets are looked at to tell candidates apart."""

QUICK = 2.0
"""For a candidate that need not be equal [s]."""


@dataclass
class Question:
    """An equality that was not proved: the answer, and values of the inputs if there are some."""

    what: str
    answer: str
    model: Any = None
    inputs: Mapping[Net, Word] = field(default_factory=dict)


class Sweep:
    """One run over a life and its circuit.

    Args:
        inputs: the net of each input of the life.
        values: of each term, on random inputs, as unsigned words; of each net.
        width: bits of the circuit's words for integers, which all terms fit.
        seconds: for each question, and at most until `deadline`.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        circuit: Circuit,
        inputs: Mapping[Term, Net],
        width: int,
        seconds: float,
        deadline: float,
    ):
        self.terms, self.circuit, self.width = terms, circuit, width
        self.seconds, self.deadline = seconds, deadline
        self.inputs = dict(inputs)
        self.nets: dict[Term, Net] = dict(inputs)
        self.found: dict[Net, Term] = {net: term for term, net in inputs.items()}
        self.same: dict[Term, Term] = {}
        self._constants: dict[tuple[int, bool], Term] = {}
        self.questions = 0
        self.cuts = 0
        self._answers: dict[tuple, tuple[str, Any]] = {}

    def match(
        self, term_values: Mapping[Term, Sequence[int]], net_values: Mapping[Net, Sequence[int]]
    ) -> None:
        """Find and prove the nets of every term that has some."""
        nets: dict[tuple, list[Net]] = {}
        for net in self.circuit.nets:
            if net.kind != "constant":
                nets.setdefault((net.width, net_values[net]), []).append(net)
        equals: dict[tuple, list[Term]] = {}
        self.cuts -= len(self.inputs)
        for term in [*self.inputs, *self.terms]:
            width = 1 if term.is_bit else self.width
            alike = (width, term_values[term])
            known = equals.setdefault(alike, [])
            # The first one, and the last one: a clamp that does nothing is what is clamped.
            others = dict.fromkeys(known[:1] + known[-1:])
            if len(set(alike[1])) == 1:
                others = [self._constant(term, alike[1][0])]
            for other in others:
                if self._proves(term, other):
                    self.same[term] = other
                    break
            if term not in self.inputs:
                self._match(term, nets.get(alike, ()))
            own = self.rep(term)
            self.cuts += own is not term or own in self.nets
            if own in self.nets:
                known.append(own)

    def _match(self, term: Term, nets: Sequence[Net]) -> None:
        """A term may be several nets: what a clamp never changes is one before and behind it."""
        left = [net for net in nets if net not in self.found and not self._is_part(net)]
        wanted = {self.nets.get(self.rep(operand)) for operand in term.operands} - {None}
        others = {net: len(self._frontier(net) ^ wanted) for net in left}
        left.sort(key=others.__getitem__)
        if self.rep(term).value is not None:
            # Much is 0 for many reasons; the others say more as what they are.
            left = [net for net in left if not others[net]]
        for net in left[:CANDIDATES]:
            if self._proves(term, net):
                own = self.rep(term)
                if own.value is None:
                    self.nets.setdefault(own, net)
                self.found[net] = own

    def _constant(self, term: Term, word: int) -> Term:
        """The constant that a term was on all samples."""
        value = word - (1 << self.width) if word >> (self.width - 1) else word
        key = (value, term.is_bit)
        if key not in self._constants:
            self._constants[key] = Term(str(value), value=value, is_bit=term.is_bit)
        return self._constants[key]

    def _is_part(self, net: Net) -> bool:
        """Whether a net is bits of one that is known: it says more as that."""
        return net.kind == "extract" and net.operands[0] in self.found

    def rep(self, term: Term) -> Term:
        """The first of all terms that were proved to be equal to this one."""
        return self.same.get(term, term)

    def _frontier(self, root: Net) -> set[Net]:
        """The nets with a term, and the inputs, from which a net is made."""
        found, seen, work = set(), {root}, list(root.operands)
        while work and len(seen) < NEAR:
            net = work.pop()
            if net in seen:
                continue
            seen.add(net)
            if net in self.found or net.kind == "input":
                found.add(net)
            else:
                work += net.operands
        return found

    def _proves(self, term: Term, other: Net | Term) -> bool:
        long = isinstance(other, Term) and not term.is_bit
        for level in LEVELS[1:] if long else SHORT:
            answer, *_ = self._ask(term, other, level, QUICK, top=True)
            if answer == PROVED:
                return True
            if answer == UNKNOWN and term.is_bit:
                # A truth that is hard to tell from another is not that, as a rule.
                return False
        return False

    def output(self, what: str, term: Term, net: Net, width: int) -> Question | None:
        """Prove that an output is a term; what is left open, or None."""
        answer = UNKNOWN
        for level in (*LEVELS, None):
            answer, model, inputs = self._ask(term, net, level, self.seconds, width)
            if answer == PROVED:
                return None
            if answer == UNKNOWN and level is not None and time.monotonic() > self.deadline:
                break
        if answer == REFUTED and level is None:
            return Question(what, REFUTED, model, inputs)
        return Question(what, UNKNOWN)

    def _ask(
        self,
        term: Term,
        other: Net | Term,
        level: int | None,
        seconds: float,
        width: int | None = None,
        top: bool = False,
    ) -> tuple[str, Any, Mapping[Net, Word]]:
        left = self.deadline - time.monotonic()
        if left <= 0:
            return UNKNOWN, None, {}
        view = _View(self, level)
        wanted = view.term(term, top)
        found = view.net(other) if isinstance(other, Net) else view.term(other)
        size = width or wanted.size()
        wanted, found = resized(wanted, size), resized(found, size)
        goal = wanted == found
        key = (goal.get_id(), tuple(p.get_id() for p in view.premises))
        if key not in self._answers:
            self.questions += 1
            answer, model = decide(goal, view.premises, min(seconds, left))
            # The goal is kept, so that no other expression gets its number.
            self._answers[key] = (answer, model, goal, view.premises)
        answer, model, *_ = self._answers[key]
        return answer, model, view.inputs


class _View:
    """Both sides as expressions of the solver, cut `level` ops before the term; None: nowhere."""

    def __init__(self, sweep: Sweep, level: int | None):
        self.sweep, self.level = sweep, level
        self.premises: list[Any] = []
        self.inputs: dict[Net, Word] = {}
        self._terms: dict[Term, Word] = {}
        self._nets: dict[Net, Word] = {}
        self._near: dict[Term, int] = {}

    def term(self, term: Term, top: bool = False) -> Word:
        term = term if top else self.sweep.rep(term)
        if not self._near:
            self._distances(term)
        for each in self._order(term, top):
            self._terms[each] = self._word(each, is_top=each is term and top)
        return self._terms[term]

    def _distances(self, top: Term) -> None:
        """The fewest ops from each term before the cuts to the one that is to be proved."""
        self._near = {top: 0}
        edge = [top]
        for distance in range(1, self.level or 0):
            following = dict.fromkeys(self.sweep.rep(o) for term in edge for o in term.operands)
            edge = [term for term in following if term not in self._near]
            self._near |= dict.fromkeys(edge, distance)

    def _is_cut(self, term: Term) -> bool:
        if self.level is None or term not in self.sweep.nets:
            return False
        return self._near.get(term, self.level) >= self.level

    def _order(self, root: Term, top: bool) -> list[Term]:
        """What has still to be expressed, operands first."""
        order: list[Term] = []
        stack = [(root, False)]
        seen = set()
        while stack:
            term, done = stack.pop()
            if done:
                order.append(term)
            elif term not in self._terms and term not in seen:
                seen.add(term)
                stack.append((term, True))
                if (term is root and top) or not self._is_cut(term):
                    stack += [(self.sweep.rep(o), False) for o in reversed(term.operands)]
        return order

    def _word(self, term: Term, is_top: bool) -> Word:
        width = 1 if term.is_bit else self.sweep.width
        if term.value is not None:
            return z3().BitVecVal(term.value, width)
        if not is_top and self._is_cut(term):
            have = self.sweep.nets[term].width
            word = z3().BitVec(f"x{len(self._terms)}_{have}", have)
        elif term in self.sweep.inputs:
            word = self._input(self.sweep.inputs[term])
        else:
            word = region_op(term.op, [self._integer(o) for o in term.operands], width)
        if not term.is_bit:
            self._bound(term, word)
        return word

    def _integer(self, term: Term) -> Word:
        """A term as an operand: all integers have one width."""
        word = self._terms[self.sweep.rep(term)]
        return word if term.is_bit else resized(word, self.sweep.width)

    def _bound(self, term: Term, word: Word) -> None:
        size = word.size()
        if term.low > -(1 << (size - 1)):
            self.premises.append(word >= term.low)
        if term.high < (1 << (size - 1)) - 1:
            self.premises.append(word <= term.high)

    def _input(self, net: Net) -> Word:
        if net not in self.inputs:
            name, age = net.data
            self.inputs[net] = z3().BitVec(f"{name}@{age}", net.width)
        return self.inputs[net]

    def net(self, root: Net) -> Word:
        stack = [root]
        while stack:
            net = stack[-1]
            if net in self._nets:
                stack.pop()
                continue
            term = self.sweep.found.get(net)
            if term is not None:
                # The other side's expression of the same value, cut or not.
                word = self.term(term)
                self._nets[net] = word if term.is_bit else resized(word, net.width)
            elif net.kind == "input":
                self._nets[net] = self._input(net)
            elif missing := [o for o in net.operands if o not in self._nets]:
                stack += missing
            else:
                self._nets[net] = net_word(net, [self._nets[o] for o in net.operands])
        return self._nets[root]
