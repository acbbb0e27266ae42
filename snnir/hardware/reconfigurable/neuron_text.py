"""Neurons as IR text, as a machine file keeps them."""

from __future__ import annotations

from io import StringIO

from xdsl.context import Context
from xdsl.dialects.arith import Arith
from xdsl.dialects.builtin import Builtin
from xdsl.parser import Parser
from xdsl.printer import Printer

from snnir.dialects.snn import NeuronOp, Snn


def neuron_text(neuron: NeuronOp) -> str:
    """A neuron as text; the same neuron always gives the same text."""
    stream = StringIO()
    Printer(stream).print_op(neuron)
    return stream.getvalue()


def parse_neuron(text: str) -> NeuronOp:
    """The neuron in a text that `neuron_text` wrote.

    Raises:
        ParseError: it is no IR.
        TypeError: it is no neuron.
    """
    context = Context()
    for dialect in (Builtin, Arith, Snn):
        context.load_dialect(dialect)
    op = Parser(context, text).parse_op()
    if not isinstance(op, NeuronOp):
        raise TypeError(f"{op.name} is no snn.neuron")
    op.verify()
    return op
