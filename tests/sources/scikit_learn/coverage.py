"""Which estimators of scikit-learn have a converter, which of these have a recipe, and why the others have none."""

from __future__ import annotations

import warnings

TEXT = "takes text, and edgeonnx has no strings yet"
TARGETS = "is for targets, not for columns of a table"
GRAPH = "answers with neighbours, not with values of a row"
NO_RECIPE = {
    "CountVectorizer": TEXT,
    "TfidfVectorizer": TEXT,
    "FeatureHasher": TEXT,
    "DictVectorizer": "takes dictionaries, not columns",
    "LabelBinarizer": TARGETS,
    "LabelEncoder": TARGETS,
    "KNeighborsTransformer": GRAPH,
    "NearestNeighbors": GRAPH,
    "KernelCenterer": "takes a kernel matrix, which has a column per row that was fitted on",
}


def estimators() -> set[str]:
    """The names of all estimators that scikit-learn has."""
    from sklearn.utils import all_estimators

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name for name, _ in all_estimators()}


def convertible() -> set[str]:
    """Those that skl2onnx has a converter for."""
    from skl2onnx import supported_converters

    prefix = "Sklearn"
    names = {name.removeprefix(prefix) for name in supported_converters()}
    return {each for each in estimators() if each in names or f"{each}" in _operators()}


def _operators() -> set[str]:
    """Classes that share another's converter are listed under their own names only here."""
    from skl2onnx._supported_operators import sklearn_operator_name_map

    return {kind.__name__ for kind in sklearn_operator_name_map}
