"""Clusters, mixtures and outlier detectors of scikit-learn."""

from __future__ import annotations

from sklearn import (
    cluster,
    ensemble,
    linear_model,
    mixture,
    neighbors,
    svm,
)

from sources.recipe import Recipe
from sources.scikit_learn.asking import recipe, scaled
from sources.tables import breast_cancer, digits, wine


def recipes() -> list[Recipe]:
    """All of them."""
    return [
        recipe(cluster.KMeans(3, n_init=1, random_state=0), wine),
        recipe(cluster.MiniBatchKMeans(10, n_init=1, random_state=0), digits),
        recipe(scaled(mixture.GaussianMixture(3, random_state=0)), wine, name="GaussianMixture"),
        recipe(scaled(mixture.BayesianGaussianMixture(n_components=3, random_state=0, max_iter=500)), wine, name="BayesianGaussianMixture"),
        recipe(ensemble.IsolationForest(n_estimators=20, random_state=0), breast_cancer),
        recipe(neighbors.LocalOutlierFactor(novelty=True), wine),
        recipe(scaled(svm.OneClassSVM()), wine, name="OneClassSVM"),
        recipe(scaled(linear_model.SGDOneClassSVM(random_state=0)), wine, name="SGDOneClassSVM"),
    ]
