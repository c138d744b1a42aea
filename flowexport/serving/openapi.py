"""The OpenAPI document of the models that are loaded: shapes and names are theirs."""

from __future__ import annotations

__all__ = ["openapi"]

from .registry import Registry

TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"type": "string", "enum": ["FP32", "FP64", "BYTES"]},
        "parameters": {"type": "object"},
        "data": {
            "type": "array",
            "description": "Flat, or nested as the shape says; infinite numbers are the texts -Infinity and Infinity.",
            "items": {},
        },
    },
}
ANSWER = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "parameters": {"type": "object", "properties": {"seed": {"type": "string"}}},
        "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
    },
}
REFUSAL = {
    "type": "object",
    "required": ["error", "code"],
    "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
}


def openapi(registry: Registry) -> dict[str, object]:
    """The document."""
    paths: dict[str, object] = {
        f"/v2/{path}": {"get": {"summary": summary, "responses": {"200": {"description": "It is."}}}}
        for path, summary in (
            ("health/live", "Whether the process lives."),
            ("health/ready", "Whether it wants requests."),
            ("models", "The models that are loaded."),
        )
    }
    for name, endpoint in registry.endpoints.items():
        parameters: dict[str, object] = {"binary_data_output": {"type": "boolean"}}
        if endpoint.graph == "sample":
            parameters |= {
                "num_samples": {"type": "integer", "minimum": 0},
                "seed": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                "temperature": {"type": "number", "minimum": 0},
            }
        properties = {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
            "outputs": {"type": "array", "items": {"type": "object"}},
            "parameters": {"type": "object", "properties": parameters},
        }
        rows = {
            "name": endpoint.first,
            "shape": [1, *endpoint.row],
            "datatype": endpoint.datatype,
            "data": [0.0] * endpoint.width,
        }
        refused = {"description": "What is wrong.", "content": content({"$ref": "#/components/schemas/Refusal"})}
        paths[f"/v2/models/{name}/infer"] = {
            "post": {
                "summary": endpoint.model.manifest.description or name,
                "operationId": name,
                "requestBody": {
                    "required": True,
                    "content": content({"type": "object", "properties": properties}, {"inputs": [rows]}),
                },
                "responses": {
                    "200": {
                        "description": endpoint.output,
                        "content": content({"$ref": "#/components/schemas/Answer"}),
                    },
                    "4XX": refused,
                    "503": refused,
                },
            }
        }
        paths[f"/v2/models/{name}"] = {
            "get": {"summary": f"What {name} takes and gives.", "responses": {"200": {"description": "Its metadata."}}}
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "flowexport: the Open Inference Protocol v2", "version": registry.settings.version or "0"},
        "paths": paths,
        "components": {"schemas": {"Tensor": TENSOR, "Answer": ANSWER, "Refusal": REFUSAL}},
    }


def content(schema: dict[str, object], example: object = None) -> dict[str, object]:
    """JSON of a schema."""
    return {"application/json": {"schema": schema} | ({} if example is None else {"example": example})}
