"""A bundle's log_prob behind the kserve SDK, as its documentation has custom models; run by its own interpreter.

python benchmarks/serving_kserve.py GRAPH FEATURES PORT GRPC_PORT
"""

import sys
from typing import Any

import kserve
import numpy as np
import onnxruntime


class LogProb(kserve.Model):
    """The graph in ONNX Runtime, one thread."""

    def __init__(self, graph: str, features: int) -> None:
        super().__init__("a_log_prob")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.features = features
        self.ready = True

    async def predict(self, payload: kserve.InferRequest, *more: Any, **named: Any) -> kserve.InferResponse:
        x = payload.inputs[0].as_numpy().astype(np.float32).reshape(-1, self.features)
        (found,) = self.session.run(None, {"x": x})
        output = kserve.InferOutput("log_prob", list(found.shape), "FP32")
        # As the client asks for it: numbers behind the JSON, or in it.
        binary = bool(payload.inputs[0].parameters and "binary_data_size" in payload.inputs[0].parameters)
        output.set_data_from_numpy(found, binary_data=binary)
        return kserve.InferResponse(payload.id or "", self.name, [output])


if __name__ == "__main__":
    graph, features, port, grpc_port = sys.argv[1:]
    server = kserve.ModelServer(http_port=int(port), grpc_port=int(grpc_port), workers=1, enable_docs_url=False)
    server.start([LogProb(graph, int(features))])
