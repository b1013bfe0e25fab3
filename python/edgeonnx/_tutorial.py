"""The model of the SQL Edge tutorial "Deploy and make predictions with an ONNX model", on data that scikit-learn ships.

The tutorial scales every column with a RobustScaler, fits a linear regression, and deploys the pipeline with one input per
column and one output `variable1`. Its housing data left scikit-learn in version 1.2; the diabetes data in their raw units take
its place. Inputs have shape [N, 1] here, where the tutorial's helper fixed N at 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

OUTPUT = "variable1"


def load() -> tuple[pd.DataFrame, pd.Series[float]]:
    """The diabetes data: 442 rows of 10 columns (age, sex, bmi ...) and the disease's progress after a year, float64."""
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True, as_frame=True, scaled=False)  # type: ignore[no-any-return]


def train(features: pd.DataFrame, target: pd.Series[float]) -> Pipeline:
    """The tutorial's pipeline, fitted."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import RobustScaler

    continuous = Pipeline([("scaler", RobustScaler())])
    preprocessor = ColumnTransformer([("continuous", continuous, list(features.columns))])
    return Pipeline([("preprocessor", preprocessor), ("regressor", LinearRegression())]).fit(features, target)


def convert(pipeline: Pipeline, names: list[str]) -> bytes:
    """The pipeline as ONNX: a real [N, 1] input for each name, one real [N, 1] output `variable1`."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    schema = [(name, FloatTensorType([None, 1])) for name in names]
    model = convert_sklearn(pipeline, "SQL Edge tutorial", schema, final_types=[(OUTPUT, FloatTensorType([None, 1]))])
    return bytes(model.SerializeToString())


def features_script(features: pd.DataFrame) -> str:
    """The tutorial's table `features`, numbered from 1 in `id`, as statements that T-SQL, PostgreSQL, SQLite and DuckDB all read."""
    columns = ", ".join(f"{name} float" for name in features.columns)
    rows = ",\n".join(f"({i}, {', '.join(map(repr, row))})" for i, row in enumerate(features.to_numpy().tolist(), 1))
    return f"DROP TABLE IF EXISTS features;\nCREATE TABLE features (id int, {columns});\nINSERT INTO features VALUES\n{rows};\n"


def sql_script(features: pd.DataFrame, target: pd.Series[float], model: bytes) -> str:
    """The tutorial as one script of T-SQL, from CREATE TABLE to the PREDICT query and its R2."""
    rows = ",\n".join(f"({value!r}, {i})" for i, value in enumerate(target.to_list(), 1))
    columns = "\n        , ".join(f"[{name}]" for name in features.columns)
    return f"""\
-- Azure SQL Edge's tutorial "Deploy and make predictions with an ONNX model", on the diabetes data of scikit-learn.

-- The model, a scikit-learn pipeline in ONNX format, in a table of models.
DROP TABLE IF EXISTS models;
CREATE TABLE models (
    [id] [int] IDENTITY(1,1) NOT NULL,
    [data] [varbinary](max) NULL,
    [description] varchar(1000)
);
INSERT INTO models ([data], [description]) VALUES (0x{model.hex().upper()}, 'diabetes');
GO

-- The data: what is known of each patient, and how the disease had progressed a year later.
{features_script(features)}
DROP TABLE IF EXISTS target;
CREATE TABLE target (progress float, id int);
INSERT INTO target VALUES
{rows};
GO

-- Predictions, with the model and the data where they are.
DECLARE @model VARBINARY(max) = (
        SELECT DATA
        FROM dbo.models
        WHERE id = 1
        );

WITH predict_input
AS (
    SELECT TOP (1000) [id]
        , {columns}
    FROM [dbo].[features]
    )
SELECT predict_input.id
    , p.{OUTPUT} AS progress
FROM PREDICT(MODEL = @model, DATA = predict_input, RUNTIME = ONNX) WITH ({OUTPUT} FLOAT) AS p;
GO

-- How good they are.
DECLARE @model VARBINARY(max) = (SELECT data FROM models WHERE id = 1);

SELECT 1 - SUM(SQUARE(t.progress - p.{OUTPUT})) / SUM(SQUARE(t.progress - (SELECT AVG(progress) FROM target))) AS r2
FROM PREDICT(MODEL = @model, DATA = features AS d, RUNTIME = ONNX) WITH ({OUTPUT} FLOAT) AS p
INNER JOIN target AS t ON t.id = d.id;
"""


def sample(features: pd.DataFrame, n_rows: int) -> dict[str, NDArray[np.float32]]:
    """`n_rows` rows drawn with replacement, as one contiguous float32 array per column; the same ones every time."""
    rows = np.random.default_rng(442).integers(0, len(features), n_rows)
    return {str(name): features[name].to_numpy(np.float32)[rows] for name in features.columns}
