"""Machine code of tree ensembles, as lleaves and treelite's tl2cgen make it: compiled once, kept beside the models."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from machine import cpu_model
from models import model_path, training_data


@dataclass(frozen=True)
class Compiled:
    model: Path  # as the library that trained it saved it
    code: Path
    options: dict[str, Any]
    compile_s: float


def compiled_once(model: Path, compiler: str, options: dict[str, Any], compile_to: Callable[[Path], None]) -> Compiled:
    """What an earlier run made of these model bytes with these options for this processor, or the result of compiling them now."""
    described = f"{compiler} {json.dumps(options, sort_keys=True)} {cpu_model()}".encode()
    digest = hashlib.sha256(described + model.read_bytes()).hexdigest()[:12]
    code, note = (model.with_name(f"{compiler}-{digest}{suffix}") for suffix in (".so", ".json"))
    if not note.exists():  # written last: code without its note is a compilation that was cut short
        code.unlink(missing_ok=True)
        began = time.perf_counter()
        compile_to(code)
        note.write_text(json.dumps({"compile_s": time.perf_counter() - began, "options": options}))
    return Compiled(model, code, options, json.loads(note.read_text())["compile_s"])


LLEAVES = {"use_fp64": False, "fcodemodel": "small"}  # floats in, as the tables are; the small code model is the faster one


def by_lleaves(name: str) -> Compiled:
    def compile_to(code: Path) -> None:
        import lleaves

        lleaves.Model(str(model)).compile(cache=str(code), **LLEAVES)

    model = model_path(name, ".txt")
    return compiled_once(model, "lleaves", LLEAVES, compile_to)


# Thresholds as integers, branches laid out by how often the training rows took them; 32 files, or the C compiler takes very long.
TL2CGEN = {"quantize": 1, "parallel_comp": 32}
C_OPTIONS = ["-O3", "-march=native"]


def load_treelite(model: Path) -> Any:
    import treelite

    frontend = treelite.frontend
    return frontend.load_lightgbm_model(model) if model.suffix == ".txt" else frontend.load_xgboost_model(model, format_choice="use_suffix")


def by_tl2cgen(name: str, suffix: str) -> Compiled:
    def compile_to(code: Path) -> None:
        import tl2cgen

        loaded, annotation = load_treelite(model), code.with_suffix(".annotation")
        matrix = tl2cgen.DMatrix(np.ascontiguousarray(training_data(loaded.num_feature)[0], dtype=loaded.input_type))
        tl2cgen.annotate_branch(loaded, matrix, annotation)
        params = {**TL2CGEN, "annotate_in": str(annotation)}
        tl2cgen.export_lib(loaded, os.environ.get("CC", "gcc"), code, params, options=C_OPTIONS)
        annotation.unlink()

    model = model_path(name, suffix)
    return compiled_once(model, "tl2cgen", {**TL2CGEN, "c": C_OPTIONS}, compile_to)
