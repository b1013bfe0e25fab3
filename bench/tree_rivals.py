"""Rivals that score trees without ONNX: the libraries that trained the models, and those that compile them. All get a ready matrix."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compiled import Compiled, by_lleaves, by_tl2cgen
from contenders import Array, Call, Contender, Table, matrix_of, n_cores
from models import model_path


def to_floats(scores: Any) -> list[Array]:
    """One target, rounded to float as ONNX's trees give it."""
    return [np.asarray(scores).ravel().astype(np.float32)]


def load_booster(model: Path, threads: int | None) -> Any:
    import xgboost

    booster = xgboost.Booster(model_file=model)
    booster.set_param({"nthread": threads or n_cores()})
    return booster


def bind_inplace_predict(booster: Any, table: Table) -> Call:
    matrix = matrix_of(table)
    return lambda: booster.inplace_predict(matrix)


xgboost_inplace = Contender(load_booster, bind_inplace_predict, to_floats, partial(model_path, suffix=".json"))


def load_estimator(model: Path, threads: int | None) -> Any:
    from threadpoolctl import threadpool_limits

    estimator = pickle.loads(model.read_bytes())
    threadpool_limits(threads, "openmp")  # after the import of scikit-learn, which brings the pool; None leaves it as it is
    return estimator


def bind_predict(estimator: Any, table: Table) -> Call:
    matrix = matrix_of(table).astype(np.float64)  # what its trees compare in; given floats it would convert them in every call
    return lambda: estimator.predict(matrix)


sklearn_predict = Contender(load_estimator, bind_predict, to_floats, partial(model_path, suffix=".pickle"))


def load_lleaves(compiled: Compiled, threads: int | None) -> tuple[Any, int]:
    import lleaves

    model = lleaves.Model(str(compiled.model))
    model.compile(cache=str(compiled.code), **compiled.options)
    return model, threads or n_cores()


def bind_lleaves(loaded: tuple[Any, int], table: Table) -> Call:
    (model, threads), matrix = loaded, matrix_of(table)
    return lambda: model.predict(matrix, n_jobs=threads)


lleaves_predict = Contender(load_lleaves, bind_lleaves, to_floats, by_lleaves)


def load_tl2cgen(compiled: Compiled, threads: int | None) -> Any:
    import tl2cgen

    return tl2cgen.Predictor(compiled.code, nthread=threads or n_cores())


def bind_tl2cgen(predictor: Any, table: Table) -> Call:
    import tl2cgen

    matrix = tl2cgen.DMatrix(matrix_of(table).astype(predictor.threshold_type))
    return lambda: predictor.predict(matrix)


tl2cgen_lightgbm = Contender(load_tl2cgen, bind_tl2cgen, to_floats, partial(by_tl2cgen, suffix=".txt"))
tl2cgen_xgboost = Contender(load_tl2cgen, bind_tl2cgen, to_floats, partial(by_tl2cgen, suffix=".json"))
