"""From answers to figures and causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy

from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Cells, any_of
from edgeonnx._verify._causes import causes_of
from edgeonnx._verify._causes._runtime_defect import is_native
from edgeonnx._verify._compare import Difference, is_label, matrix_of
from edgeonnx._verify._report import Cause, Differing, OutputFigures
from edgeonnx._verify._scored import Scored
from edgeonnx._verify._slots import taken
from edgeonnx._verify._trial import Answers, Trial

__all__ = ["Conclusion", "conclude"]

_MOST_EXAMINED = 20_000  # rows that differ
_MOST_RIGHT = 5_000  # rows that do not, which a repair must leave right
_MOST_SHOWN = 100
KERNEL_DEFECT = "kernel defect"


@dataclass(frozen=True)
class Conclusion:
    """What the report says of rows and causes."""

    causes: tuple[Cause, ...]
    trial: Trial | None
    """What makes up for all causes found; None where nothing differs."""
    outputs: tuple[OutputFigures, ...]
    worst: float
    differing: tuple[Differing, ...]
    engines: dict[str, str]
    points: dict[str, Array]


def conclude(case: Case, graph: Any, scored: Scored, scorer: Scorer) -> Conclusion:
    """Compare both engines with the reference, and explain what differs."""
    both = {"edgeonnx": case.differences(scored.mine), case.runtime: case.differences(scored.runtime)}
    engines = {"edgeonnx": scorer.explain().splitlines()[0].removeprefix("plan: "), case.runtime: "alone"}
    outputs = tuple(
        _figures(name, engine, each, case) for name in case.expected for engine, differences in both.items() for each in [differences[name]]
    )
    scores = [each.worst for each in outputs if not each.is_label]
    worst = max([*scores, *(each.worst for each in outputs if each.is_label and not any(scores))], default=0.0)
    wrong = [any_of({name: each.differs for name, each in differences.items()}) for differences in both.values()]
    named = numpy.full(case.n_rows, "", object)
    causes, trial = _causes(case, graph, scored, both, wrong, named)
    return Conclusion(
        causes, trial, outputs, worst, _differing(case, scored, both, named), engines, _points(case, scored, both["edgeonnx"], named)
    )


def _figures(name: str, engine: str, difference: Difference, case: Case) -> OutputFigures:
    absolute, _ = case.comparison.tolerance[name]
    size = difference.size
    return OutputFigures(
        name,
        engine,
        is_label(case.expected[name]),
        int(difference.differs.sum()),
        float(size.max(initial=0)),
        float(numpy.median(size)),
        float(numpy.quantile(size, 0.99, method="lower")),
        absolute,
    )


def _causes(
    case: Case, graph: Any, scored: Scored, both: Mapping[str, dict[str, Difference]], wrong: list[Array], named: Array
) -> tuple[tuple[Cause, ...], Trial | None]:
    mine, runtime = wrong
    if not (mine | runtime).any():
        return (), None
    causes: list[Cause] = []
    if (mine & ~runtime).any():
        rows = numpy.flatnonzero(mine & ~runtime)
        named[rows] = KERNEL_DEFECT
        causes.append(
            _one_sided(
                case, both["edgeonnx"], KERNEL_DEFECT, rows, "edgeonnx", case.runtime, "score with native=False, and report this model"
            )
        )
    # As ONNX Runtime answers: whatever else can answer is a trial, and the first one.
    rng = numpy.random.default_rng(0)
    bad = numpy.flatnonzero(runtime)
    good = numpy.flatnonzero(~runtime & ~mine)
    examined = numpy.sort(numpy.concatenate([rng.permutation(bad)[:_MOST_EXAMINED], rng.permutation(good)[:_MOST_RIGHT]]))
    if not len(bad):
        return tuple(causes), None
    part = replace(
        case, table=taken(case.table, examined), expected={name: values[examined] for name, values in case.expected.items()}, _last={}
    )
    start = Trial(graph, case.options, native=False)
    differences = both[case.runtime]
    left: Cells = {name: each.differs[examined] for name, each in differences.items()}
    # If the kernels are wrong where ONNX Runtime is, both share the cause: go on with the kernels, which are faster.
    if (mine & runtime).sum() == runtime.sum() and is_native(start):
        start = replace(start, native=True)
        left = part.wrong(part.answers(start))
        if not any_of(left).any():  # the plan as it runs is not the kernels: the self-check turned them down
            start = replace(start, native=False)
            left = {name: each.differs[examined] for name, each in differences.items()}
    found = causes_of(part, start, left, {name: each.size[examined] for name, each in differences.items()})
    for cause, rows in zip(found.causes, found.rows, strict=True):
        places = examined[rows]
        named[places] = [f"{before}, {cause.name}" if before else cause.name for before in named[places]]
    return (*causes, *found.causes), found.trial


def _one_sided(case: Case, differences: dict[str, Difference], name: str, rows: Array, wrong: str, right: str, remedy: str) -> Cause:
    outputs = tuple(output for output, each in differences.items() if each.differs[rows].any())
    worst = max(float(differences[output].size[rows].max()) for output in outputs)
    return Cause(
        name,
        len(rows),
        outputs,
        worst,
        f"{right} gives {len(rows)} rows right that {wrong} gives wrong; {case.example(int(rows[0]))}",
        remedy,
    )


def _differing(case: Case, scored: Scored, both: Mapping[str, dict[str, Difference]], named: Array) -> tuple[Differing, ...]:
    """The worst rows of each cause in turn."""
    size = numpy.max([each.size * each.differs for differences in both.values() for each in differences.values()], axis=0)
    by_cause = [
        rows[numpy.argsort(-size[rows], kind="stable")]
        for name in dict.fromkeys(named[named != ""].tolist())
        for rows in [numpy.flatnonzero(named == name)]
    ]
    shown = [int(rows[rank]) for rank in range(_MOST_SHOWN) for rows in by_cause if rank < len(rows)][:_MOST_SHOWN]
    return tuple(
        Differing(
            row,
            str(scored.pattern[row]),
            _row(case.table, row),
            _row(case.expected, row),
            _row(_wrong_one(scored, both, row, case), row),
            str(named[row]),
        )
        for row in shown
    )


def _wrong_one(scored: Scored, both: Mapping[str, dict[str, Difference]], row: int, case: Case) -> Answers:
    mine_differs = any(each.differs[row] for each in both["edgeonnx"].values())
    answers = scored.mine if mine_differs else scored.runtime
    return {name: answers[name] for name in case.expected}


def _row(columns: Mapping[str, Array], row: int) -> dict[str, Any]:
    return {
        name: None
        if numpy.ma.is_masked(values[row])
        else numpy.ma.getdata(values)[row].tolist()
        if hasattr(values[row], "tolist")
        else values[row]
        for name, values in columns.items()
    }


def _points(case: Case, scored: Scored, differences: dict[str, Difference], named: Array) -> dict[str, Array]:
    """Of the first output of scores: what was expected where the difference is largest, and that difference; and pairs of labels."""
    points: dict[str, Array] = {"cause": named}
    for name, expected in case.expected.items():
        if is_label(expected):
            points.setdefault(
                "labels",
                numpy.column_stack(
                    [matrix_of(expected)[:, 0].astype(object), matrix_of(numpy.ma.getdata(scored.mine[name]))[:, 0].astype(object)]
                ),
            )
        elif "expected" not in points:
            right = matrix_of(expected).astype(numpy.float64)
            got = matrix_of(numpy.ma.getdata(scored.mine[name])).astype(numpy.float64)
            with numpy.errstate(invalid="ignore"):
                off = numpy.nan_to_num(got - right)
            at = numpy.abs(off).argmax(axis=1)
            every = numpy.arange(len(right))
            points |= {"expected": right[every, at], "difference": off[every, at], "output": numpy.array(name)}
    return points
