"""A changed way to answer: another graph, other kernels, other columns, or something done to the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array
from edgeonnx._verify._ask import ask
from edgeonnx._verify._slots import Table

__all__ = ["Answers", "Trial"]

Answers = dict[str, Array]


@dataclass(frozen=True)
class Trial:
    """How rows are answered. The first one is the model as it is; each cause that is found adds what makes up for it."""

    model: Any
    """`onnx.ModelProto`."""
    options: Mapping[str, Any]
    """Of the scorer."""
    native: bool = True
    before: tuple[Callable[[Table], Table], ...] = ()
    """Done to the columns, in order."""
    after: tuple[Callable[[Answers], Answers], ...] = ()
    """Done to the answers, in order."""

    def answers(self, table: Table) -> Answers:
        for change in self.before:
            table = change(table)
        scorer = Scorer(self.model, **{**self.options, "native": self.native, "selfcheck": False})
        answers: Answers = ask(scorer, table)
        for change_back in self.after:
            answers = change_back(answers)
        return answers

    def with_model(self, model: Any) -> Trial:
        return replace(self, model=model)

    def with_columns(self, change: Callable[[Table], Table]) -> Trial:
        return replace(self, before=(*self.before, change))

    def with_answers(self, change: Callable[[Answers], Answers]) -> Trial:
        return replace(self, after=(*self.after, change))
