"""What torch would export inexactly is exact in the graph."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from flowexport.lowering.exporter import exported


class LogSigmoid(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.logsigmoid(x)


# ONNX Runtime's Softplus overflows in float64 where exp does, and never in float32.
@pytest.mark.parametrize(("dtype", "far", "bound"), [(torch.float32, -1e4, 1e-6), (torch.float64, -700.0, 1e-14)])
def test_the_logarithm_of_a_sigmoid_is_not_cut_off(dtype: torch.dtype, far: float, bound: float) -> None:
    x = torch.tensor([far, -100.0, -30.0, -18.5, -1.0, 0.0, 1.0, 30.0], dtype=dtype)
    model = exported(LogSigmoid(), ["x"], None, {}, args=(x,))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (measured,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    exact = -np.logaddexp(0, -x.double().numpy())
    np.testing.assert_allclose(measured, exact, rtol=bound, atol=1e-12)
