"""Keras, on the backend that `KERAS_BACKEND` names, PyTorch where it names none."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from sources.recipe import Answers, Recipe
from sources.tables import Table, matrix, pictures, pictures_and_facts, wine

os.environ.setdefault("KERAS_BACKEND", "torch")


def given(model: Any, table: Any) -> Any:
    """What the model takes of a table: its columns of arrays by name, or all columns side by side."""
    return {each.name: table[each.name] for each in model.inputs} if isinstance(table, dict) else matrix(table)


def answers(model: Any, table: Any) -> Answers:
    """The model's own predictions."""
    outputs = np.asarray(model.predict_on_batch(given(model, table)))
    return Answers(None, outputs.reshape(len(outputs), -1))


def trained(model: Any, table: Table) -> Any:
    """A few epochs: enough that the weights are nobody's guess."""
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(given(model, table.train), table.target, epochs=3, verbose=0)
    return model


def dense(table: Table) -> Any:
    """Two layers over columns that the first one scales."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    scaler = layers.Normalization()
    scaler.adapt(matrix(table.train))
    hidden = [layers.Dense(16, "relu"), layers.Dense(8, "tanh")]
    return trained(keras.Sequential([keras.Input((13,)), scaler, *hidden, layers.Dense(3, "softmax")]), table)


def convolutions(table: Table) -> Any:
    """Convolution, pooling and normalization over pictures of 8 by 8."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, "softmax"),
        ]
    )
    return trained(model, table)


def two_inputs(table: Table) -> Any:
    """A picture and two numbers about it."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image, facts = keras.Input((8, 8, 1), name="image"), keras.Input((2,), name="facts")
    seen = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(image))
    both = layers.Concatenate()([seen, layers.Dense(4, "sigmoid")(facts)])
    model = keras.Model([image, facts], layers.Dense(10, "softmax")(both))
    return trained(model, table)


def recipes(source: str = "Keras") -> list[Recipe]:
    """All of them."""
    return [
        Recipe(source, "Dense layers", wine, dense, answers),
        Recipe(source, "convolutions", lambda: pictures(channels_last=True), convolutions, answers),
        Recipe(source, "functional model of two inputs", lambda: pictures_and_facts(channels_last=True), two_inputs, answers),
    ]
