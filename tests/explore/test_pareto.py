"""The Pareto front against its definition."""

from hypothesis import given
from hypothesis import strategies as st

from snnir.explore.pareto import pareto

costs = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(0, 6)] * n), max_size=40)
)


def dominates(a, b) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


@given(costs)
def test_the_front_is_what_nothing_dominates(rows):
    best = {row for row in rows if not any(dominates(other, row) for other in rows)}
    front = pareto(rows)
    assert front == sorted(front)
    assert {rows[index] for index in front} == best
    # Of equal rows one is kept.
    assert len(front) == len(best)


@given(costs, st.randoms())
def test_the_order_of_candidates_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert {rows[i] for i in pareto(rows)} == {shuffled[i] for i in pareto(shuffled)}


@given(costs)
def test_every_other_candidate_is_beaten_by_the_front(rows):
    front = [rows[index] for index in pareto(rows)]
    for row in rows:
        assert row in front or any(dominates(other, row) for other in front)


def test_nothing_has_no_front():
    assert pareto([]) == []
