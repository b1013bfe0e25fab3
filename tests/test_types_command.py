"""``edgeonnx types`` and TYPES.md, which shows its matrix."""

from __future__ import annotations

import doctest
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import edgeonnx as eo
from _command import Running, edgeonnx
from edgeonnx import _core
from type_rules import MATRIX, RULE_NAMES

TYPES = (Path(__file__).parent.parent / "TYPES.md").read_text()
REFRESH = "edgeonnx types --markdown | sed -i -e '/^<!-- edgeonnx/r /dev/stdin' -e '/^<!-- edgeonnx/,/^<!-- end/{//!d}' TYPES.md"


def printed_cells(text: str) -> dict[tuple[str, str], str]:
    """The cells of all tables in the text, by source and target; | is read as a blank."""
    cells: dict[tuple[str, str], str] = {}
    targets: list[str] = []
    for line in text.replace("|", " ").replace("from \\ to", "from").splitlines():
        words = line.split()
        if words[:1] == ["from"]:
            targets = words[1:]
        elif len(words) == len(targets) + 1 and words[0] in {source for source, _ in MATRIX}:
            for target, cell in zip(targets, words[1:], strict=True):
                assert (words[0], target) not in cells
                cells[words[0], target] = cell
    return cells


@pytest.mark.parametrize("options", [[], ["--markdown"]], ids=["plain", "markdown"])
def test_types_prints_every_pair_by_tsql_rules(options: list[str]) -> None:
    run = edgeonnx("types", *options)
    assert (run.returncode, run.stderr) == (0, b"")
    expected = {pair: letter + (f":{number}" if number else "") for pair, (letter, number) in MATRIX.items()}
    assert printed_cells(run.stdout.decode()) == expected


@pytest.mark.parametrize("options", [[], ["--markdown"]], ids=["plain", "markdown"])
def test_types_explains_every_letter(options: list[str]) -> None:
    text = edgeonnx("types", *options).stdout.decode().replace("|", " ")
    assert dict(re.findall(r"^ *(\S) +([a-z]+) +\S+ \w", text, flags=re.MULTILINE)) == RULE_NAMES


def test_types_into_a_pipe_is_plain_text() -> None:
    text = edgeonnx("types", env={"TERM": "xterm-256color", "COLUMNS": "40"}).stdout.decode()
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) > 80  # no line is folded


def test_types_into_a_closed_pipe_is_quiet() -> None:
    with Running("types") as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_types_page_shows_the_matrix_as_printed() -> None:
    shown = re.search(r"^<!-- edgeonnx types --markdown -->\n(.*)^<!-- end -->$", TYPES, flags=re.MULTILINE | re.DOTALL)
    assert shown
    assert shown[1] == edgeonnx("types", "--markdown").stdout.decode(), f"refresh it: {REFRESH}"


def test_types_page_examples_work_as_printed() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```$", TYPES, flags=re.MULTILINE | re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "TYPES.md", "TYPES.md", 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted > 20
    assert result.failed == 0


class MoneyColumn:
    """An Arrow array with a field: pyarrow's own arrays have none."""

    def __init__(self, *texts: str) -> None:
        kind = pa.decimal128(19, 4)
        self.array = pa.array([Decimal(text) for text in texts], kind)
        self.field = pa.field("x", kind, metadata={"ARROW:FLIGHT:SQL:TYPE_NAME": "Money"})

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.field.__arrow_c_schema__(), self.array.__arrow_c_array__()[1]


OVERFLOWS = [
    (8115, [1e5], "decimal(4,2)"),
    (8115, [Decimal(10) ** 18], "money"),
    (8115, [1e19], "bigint"),
    (8115, np.array([1 << 40]), "int"),
    (220, np.int32([300]), "tinyint"),
    (232, [3e9], "int"),
    (237, MoneyColumn("3000000000"), "int"),
]


def test_types_page_quotes_overflows_in_the_words_of_their_messages() -> None:
    quoted = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", TYPES, flags=re.MULTILINE)
    raised = []
    for _, values, to in OVERFLOWS:
        with pytest.raises(eo.Overflow) as info:
            eo.cast(values, to)
        raised.append((str(info.value.sql_number), re.split(r"(?<=\.) (?:It|At) ", str(info.value))[0]))
    assert raised == quoted
    assert [int(number) for number, _ in raised] == [number for number, _, _ in OVERFLOWS]


def test_types_page_money_rounds_where_decimal_is_cut() -> None:
    assert eo.cast(MoneyColumn("1.5", "-0.5"), "int").tolist() == [2, -1]
    assert eo.cast([Decimal("1.5000"), Decimal("-0.5000")], "int").tolist() == [1, 0]


MAPPED = [
    row
    for row in re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \| ([\w, ]+) \| (\w+) \| (\w+) \|$", TYPES, flags=re.MULTILINE)
    if row[0] != "SQL"
]


def test_types_page_maps_all_sql_types_that_numpy_has() -> None:
    assert [row[0] for row in MAPPED] == ["bit", "tinyint", "smallint", "int", "bigint", "real", "float"]


@pytest.mark.parametrize(("sql", "dtype", "arrow", "pandas", "polars", "onnx"), MAPPED, ids=[row[0] for row in MAPPED])
def test_types_page_maps_each_type_to_its_equal(sql: str, dtype: str, arrow: str, pandas: str, polars: str, onnx: str) -> None:
    columns = [
        np.array([1, 0], dtype),
        pa.array([1, 0], pa.int8()).cast(pa.type_for_alias(arrow)),
        pl.Series([1, 0]).cast(getattr(pl, polars)),
    ]
    columns += [pd.Series([1, 0], dtype=name) for name in pandas.split(", ")]
    for column in columns:
        for to in (sql, f"tensor({onnx})"):
            result = eo.cast(column, to, coercion="strict")  # refused unless the types are equal
            assert (result.dtype, result.tolist()) == (np.dtype(dtype), [1, 0])


def test_types_page_type_names_are_case_blind_and_strict() -> None:
    names = {"integer": "int", "double precision": "float", "float(24)": "real", "float(25)": "float", "dec": "decimal(18,0)"}
    for name, same in (names | {"NUMERIC": "decimal(18, 0)"}).items():
        assert _core.declaration_of(name) == _core.declaration_of(same)
    for name in ("int4", "float()", "decimal(0)", "varchar"):
        with pytest.raises(eo.InvalidArgument, match=re.escape(name)):
            _core.declaration_of(name)
