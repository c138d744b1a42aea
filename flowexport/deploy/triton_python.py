"""A graph of a bundle as a model of Triton's Python backend: what Triton runs, from a model repository."""

# Triton's module has its classes only once the server has filled it: annotations are not to be looked up.
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import triton_python_backend_utils as triton  # Triton's own, in the process that runs this file

from flowexport.errors import FlowExportError
from flowexport.runtime import load


class TritonPythonModel:
    """``NAME_log_prob`` or ``NAME_sample``.

    References:
        https://github.com/triton-inference-server/python_backend
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the bundle beside this file; Triton takes the model for ready when it returns."""
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        device = f"cuda:{args['model_instance_device_id']}" if args["model_instance_kind"] == "GPU" else "cpu"
        folder = Path(args["model_repository"]) / args["model_version"] / "bundle"
        self.model = load(folder, device, int(parameters["threads"]), digest=parameters["digest"])
        self.graph = parameters["graph"]
        self.signature = self.model.graphs[self.graph].signature
        self.first = next(iter(self.signature.inputs))
        self.percentile = any(output["name"] == "percentile" for output in config["output"])

    def execute(self, requests: Sequence[object]) -> list[triton.InferenceResponse]:
        """Runs what Triton has gathered together, and answers each request, a wrong one with what is wrong."""
        answers: list[triton.InferenceResponse] = [None] * len(requests)
        waiting = []
        for place, request in enumerate(requests):
            try:
                waiting.append((place, *self.inputs(request)))
            except FlowExportError as error:
                answers[place] = refusal(error)
        if waiting:
            places, rows, contexts = zip(*waiting, strict=True)
            context = None if contexts[0] is None else np.concatenate(contexts)
            ends = np.cumsum([len(each) for each in rows])[:-1]
            parts = [np.split(output, ends) for output in self.run(np.concatenate(rows), context)]
            for place, of_request in zip(places, zip(*parts, strict=True), strict=True):
                tensors = [triton.Tensor(name, part) for name, part in zip(self.names(), of_request, strict=True)]
                answers[place] = triton.InferenceResponse(tensors)
        return answers

    def inputs(self, request: object) -> tuple[np.ndarray, np.ndarray | None]:
        """The rows of a request and their contexts, held to the model alone, so that others are not refused for it."""
        rows: np.ndarray = triton.get_input_tensor_by_name(request, self.first).as_numpy()
        if np.isnan(rows).any():
            raise FlowExportError(f"{self.first}: holds NaN")
        if not self.model.context_size:
            return rows, None
        return rows, self.model.context(triton.get_input_tensor_by_name(request, "context").as_numpy())

    def names(self) -> list[str]:
        """The names of the outputs."""
        return [self.signature.output, *(["percentile"] if self.percentile else [])]

    def run(self, rows: np.ndarray, context: np.ndarray | None) -> list[np.ndarray]:
        """The outputs of rows."""
        found = self.model.run(self.graph, rows, context)
        return [found, self.model.percentile(found)] if self.percentile else [found]


def refusal(error: FlowExportError) -> triton.InferenceResponse:
    """An answer that is an error."""
    return triton.InferenceResponse(error=triton.TritonError(str(error), triton.TritonError.INVALID_ARG))
