"""The two best classes have the same score, and rounding decides between them."""

from __future__ import annotations

from collections.abc import Iterator

from edgeonnx._verify._case import Case, Cells, Proposal
from edgeonnx._verify._compare import is_label
from edgeonnx._verify._trial import Trial

NAME = "tied scores"
_REMEDY = "decide ties yourself from the scores, or give the trees another number of votes; ties=True of verify allows them"


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    tied = case.comparison.tied(case.expected)
    if tied is None or not tied.any():
        return
    wrong = case.wrong(case.answers(state))
    scores = [name for name, values in case.expected.items() if not is_label(values)]
    for name in scores:
        tied = tied & ~wrong[name]
    cells: Cells = {name: each & tied if name not in scores else each & False for name, each in wrong.items()}
    yield Proposal(
        state,
        lambda rows: (
            f"in {len(rows)} rows with another label the two best scores of the reference are equal within the tolerance, and the "
            "model's scores agree with them"
        ),
        _REMEDY,
        cells,
    )
