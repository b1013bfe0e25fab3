"""TensorFlow without Keras' models: functions and modules."""

from __future__ import annotations

from typing import Any

import numpy as np

from sources.recipe import Answers, Recipe
from sources.tables import Table, breast_cancer, matrix, tokens, wine


def answers(function: Any, table: Any) -> Answers:
    """What the function or module returns, by position."""
    import tensorflow as tf

    inputs = table.values() if isinstance(table, dict) else [matrix(table)]
    outputs = function(*(tf.constant(each) for each in inputs))
    parts = [np.asarray(each) for each in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]
    return Answers(None, np.concatenate([each.reshape(len(each), -1) for each in parts], axis=1))


def logistic(table: Table) -> Any:
    """A logistic regression, written down; its scale is a constant of the closure."""
    import tensorflow as tf

    values = matrix(table.train)
    mean, scale = tf.constant(values.mean(axis=0)), tf.constant(values.std(axis=0))
    weights, offset = tf.Variable(tf.zeros((values.shape[1], 1))), tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec((None, values.shape[1]), tf.float32)])
    def probability(rows: Any) -> Any:
        return tf.sigmoid((rows - mean) / scale @ weights + offset)

    target = tf.constant(table.target.reshape(-1, 1), tf.float32)
    for _ in range(50):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.keras.losses.binary_crossentropy(target, probability(values)))
        for variable, slope in zip((weights, offset), tape.gradient(loss, (weights, offset)), strict=True):
            variable.assign_sub(0.5 * slope)
    return probability


def nearest(table: Table) -> Any:
    """A module of two answers: the distance to the mean of each class, and the least of them."""
    import tensorflow as tf

    values = matrix(table.train)
    means = np.stack([values[table.target == k].mean(axis=0) for k in range(3)])

    class Nearest(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.means = tf.Variable(means)

        @tf.function(input_signature=[tf.TensorSpec((None, values.shape[1]), tf.float32)])
        def __call__(self, rows: Any) -> Any:
            apart = tf.sqrt(tf.reduce_sum((rows[:, None, :] - self.means) ** 2, axis=2))
            return apart, tf.reduce_min(apart, axis=1, keepdims=True)

    return Nearest()


def embedding(table: Table) -> Any:
    """Two inputs by name: bigint tokens that are looked up, and a weight for each."""
    import tensorflow as tf

    rng = np.random.default_rng(3)
    vectors, head = (tf.Variable(rng.normal(0, 0.3, shape).astype(np.float32)) for shape in ((129, 8), (8, 10)))

    @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.int64, "tokens"), tf.TensorSpec((None, 8), tf.float32, "weights")])
    def digit(tokens: Any, weights: Any) -> Any:
        return tf.nn.softmax(tf.reduce_mean(tf.gather(vectors, tokens) * weights[:, :, None], axis=1) @ head)

    return digit


def recipes() -> list[Recipe]:
    """All of them."""
    from sources import keras

    return [
        *keras.recipes("Keras on TensorFlow"),
        Recipe("TensorFlow", "tf.function with constants", breast_cancer, logistic, answers),
        Recipe("TensorFlow", "tf.Module of two answers", wine, nearest, answers),
        Recipe("TensorFlow", "tf.function of two inputs", tokens, embedding, answers),
    ]
