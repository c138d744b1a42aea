"""Rows as standard normals: the noise that they were made of, and for a mixture the normal scores of its marginals."""

import numpy as np
import pytest
import torch
from scipy import stats

from flowexport.training.latent import normal_scores
from tests.conftest import small_flow


@pytest.mark.parametrize("arguments", [{"features": 3}, {"features": 3, "context": 2, "base": "DiagonalNormal"}])
def test_the_scores_of_a_sample_are_its_noise(arguments: dict[str, object]) -> None:
    flow = small_flow(**arguments).double()
    noise = torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    context = torch.randn(200, flow.context, dtype=torch.float64) if flow.context else None
    with torch.no_grad():
        x = flow.inverse_and_log_det(noise, context)[0]
    found = normal_scores(flow, x.numpy(), None if context is None else context.numpy())
    np.testing.assert_allclose(found, noise.numpy(), atol=1e-6)


def test_a_mixture_is_taken_to_the_normal_coordinate_by_coordinate() -> None:
    flow = small_flow(features=2, base={"name": "GaussianMixture", "components": 3}).double()
    with torch.no_grad():
        flow.base.means.mul_(3)
        u = flow.base.latent(torch.randn(5000, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
        x = flow.inverse_and_log_det(u, None)[0]
    assert all(stats.kstest(column.numpy(), "norm").pvalue < 1e-6 for column in u.T)
    found = normal_scores(flow, x.numpy(), None)
    assert all(stats.kstest(column, "norm").pvalue > 0.01 for column in found.T)
    # Far out a probability of 1 is no infinity.
    assert np.isfinite(normal_scores(flow, x.numpy() + 1e4, None)).all()
