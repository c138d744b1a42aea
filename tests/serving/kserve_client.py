"""KServe's own clients, REST and gRPC, against a server: run by an interpreter that has the kserve SDK.

python tests/serving/kserve_client.py PORT GRPC_PORT
"""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

X = [[0.5, 1.0], [2.0, 3.0]]


def request(binary: bool) -> InferRequest:
    tensor = InferInput("x", [2, 2], "FP32")
    tensor.set_data_from_numpy(np.array(X, np.float32), binary_data=binary)
    return InferRequest("banana_log_prob", [tensor])


async def talk(port: int, grpc_port: int) -> dict[str, object]:
    found: dict[str, object] = {}
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = f"http://127.0.0.1:{port}"
    found["live"] = await client.is_server_live(base)
    found["ready"] = await client.is_server_ready(base)
    found["model"] = await client.is_model_ready(base, "banana_log_prob")
    for name, binary in (("json", False), ("binary", True)):
        response = await client.infer(base, request(binary), model_name="banana_log_prob")
        found[name] = response.outputs[0].as_numpy().tolist()
    async with InferenceGRPCClient(f"127.0.0.1:{grpc_port}") as calls:
        found["grpc live"] = await calls.is_server_live()
        found["grpc ready"] = await calls.is_server_ready()
        found["grpc model"] = await calls.is_model_ready("banana_log_prob")
        for name, binary in (("grpc contents", False), ("grpc raw", True)):
            response = await calls.infer(request(binary))
            found[name] = response.outputs[0].as_numpy().tolist()
    return found


print(json.dumps(asyncio.run(talk(int(sys.argv[1]), int(sys.argv[2])))))
