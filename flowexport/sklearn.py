"""A flow as a density estimator of scikit-learn: in a pipeline, in a grid search, beside KernelDensity."""

from __future__ import annotations

__all__ = ["FlowDensity"]

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from flowexport.flows import Flow
from flowexport.flows.build import FLOWS
from flowexport.training import fit
from flowexport.training.epoch import log_prob_of


class FlowDensity(DensityMixin, BaseEstimator):
    """A `flowexport.RealNVP` that is trained by `flowexport.fit`.

    After `fit`, ``flow_`` is the flow, ``history_`` its epochs and ``n_iter_`` their number:
    ``flowexport.export(density.flow_, "bundle", data=X)`` makes a bundle of it.

    Arguments:
        transforms, hidden_features, univariate: of the flow.
        epochs, batch_size, learning_rate, patience: of its training.
        validation: the fraction of rows held out for early stopping.
        flow_arguments: more arguments of `flowexport.RealNVP`.
        training_arguments: more keyword arguments of `flowexport.fit`.
        random_state: of the initial weights, the order of rows and what is held out.

    References:
        https://scikit-learn.org/stable/developers/develop.html
    """

    def __init__(
        self,
        *,
        transforms: int = 5,
        hidden_features: Sequence[int] = (64, 64),
        univariate: str | Mapping[str, object] = "Affine",
        epochs: int = 100,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        patience: int = 0,
        validation: float = 0.1,
        flow_arguments: Mapping[str, object] | None = None,
        training_arguments: Mapping[str, object] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.transforms = transforms
        self.hidden_features = hidden_features
        self.univariate = univariate
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation = validation
        self.flow_arguments = flow_arguments
        self.training_arguments = training_arguments
        self.random_state = random_state

    def fit(self, X: object, y: object = None, sample_weight: object = None) -> FlowDensity:  # noqa: N803
        """Trains a new flow.

        Arguments:
            X: ``[rows, features]``, an array or a frame.
            y: is not looked at.
            sample_weight: ``[rows]``, not negative.

        Returns:
            The estimator itself.

        Raises:
            ValueError: for rows that a density has no use for, as `flowexport.fit` does.
        """
        x = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            arguments: dict[str, object] = {"univariate": self.univariate} | dict(self.flow_arguments or {})
            flow = FLOWS["RealNVP"](
                x.shape[1], transforms=self.transforms, hidden_features=tuple(self.hidden_features), **arguments
            )
        names = getattr(self, "feature_names_in_", None)
        flow.feature_names = None if names is None else names.tolist()
        training: dict[str, Any] = {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "patience": self.patience,
            "seed": seed,
            "progress": False,
        } | dict(self.training_arguments or {})
        self.history_ = fit(flow, x, weights=sample_weight, validation=self.validation, **training)
        self.flow_: Flow = flow
        self.n_iter_ = len(self.history_)
        return self

    def score_samples(self, X: object) -> np.ndarray:  # noqa: N803
        """The log-density of rows ``[rows, features]``, nats, ``[rows]``."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        scores: np.ndarray = log_prob_of(self.flow_, torch.tensor(x, dtype=self.dtype_), None).double().numpy()
        return scores

    def score(self, X: object, y: object = None) -> float:  # noqa: N803
        """The mean log-density of rows, nats: what a grid search makes as large as it can."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None) -> np.ndarray:
        """Rows ``[n_samples, features]`` drawn from the density, the same for the same ``random_state``."""
        check_is_fitted(self)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            rows: np.ndarray = self.flow_().sample((n_samples,)).double().numpy()
        return rows

    @property
    def dtype_(self) -> torch.dtype:
        """The type that the flow computes in."""
        return next(self.flow_.parameters()).dtype
