"""Order check: each value is defined before it is used, which xDSL's verifier does not look at."""

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.irdl.dominance import strictly_dominates
from xdsl.utils.exceptions import VerifyException

# Operations whose regions are graphs: registers feed back, so order in the text means nothing.
GRAPH_REGION_OPS = frozenset({"hw.module"})


def check_order(module: ModuleOp) -> None:
    """Raise where a use does not come after, and inside the scope of, its definition.

    Raises:
        VerifyException: at the first such use.
    """
    position = {op: index for index, op in enumerate(module.walk())}
    for op in position:
        for index, operand in enumerate(op.operands):
            if (fault := _fault(operand, op, position)) is not None:
                name = f" (%{operand.name_hint})" if operand.name_hint else ""
                raise VerifyException(f"operand {index}{name} {fault}")


def _fault(value: SSAValue, user: Operation, position: dict[Operation, int]) -> str | None:
    owner = value.owner
    if isinstance(owner, Operation) and owner not in position:
        return "is defined by an operation that is not in the module"
    block = owner if isinstance(owner, Block) else owner.parent
    if block is None:
        return "is a result of the module itself"
    ancestor = block.find_ancestor_op_in_block(user)
    if ancestor is None:
        return None if _dominates(block, user) else "is used outside of the scope that defines it"
    if isinstance(owner, Block):
        return None
    if ancestor is owner and user is not owner:
        return "is used inside of the operation that defines it"
    if position[owner] >= position[ancestor] and not _in_graph(block):
        return "is used before it is defined"
    return None


def _dominates(block: Block, user: Operation) -> bool:
    """Whether the definition's block dominates that of the user, in a region of many blocks."""
    region = block.parent
    inner: Block | None = user.parent
    while inner is not None and inner.parent is not region:
        inner = inner.parent_block()
    return region is not None and inner is not None and strictly_dominates(block, inner)


def _in_graph(block: Block) -> bool:
    parent = block.parent_op()
    return parent is not None and parent.name in GRAPH_REGION_OPS
