"""The messages of gRPC, built in a descriptor pool of their own.

A process may hold the published modules of KServe's or Triton's clients too, which register the same names, each its
own way, in the pool that all share; ours meets none of them.

References:
    https://github.com/triton-inference-server/common/blob/main/protobuf/grpc_service.proto, of which the Open Inference
    Protocol's proto is a part; and https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

__all__ = ["HEALTH", "INFERENCE", "messages"]

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

INFERENCE, HEALTH = "inference", "grpc.health.v1"

FIELDS: dict[str, dict[str, str]] = {
    INFERENCE: {
        "ServerLiveRequest": "",
        "ServerLiveResponse": "bool live 1",
        "ServerReadyRequest": "",
        "ServerReadyResponse": "bool ready 1",
        "ModelReadyRequest": "string name 1, string version 2",
        "ModelReadyResponse": "bool ready 1",
        "ServerMetadataRequest": "",
        "ServerMetadataResponse": "string name 1, string version 2, string* extensions 3",
        "ModelMetadataRequest": "string name 1, string version 2",
        "ModelMetadataResponse.TensorMetadata": "string name 1, string datatype 2, int64* shape 3",
        "ModelMetadataResponse": (
            "string name 1, string* versions 2, string platform 3, "
            "ModelMetadataResponse.TensorMetadata* inputs 4, ModelMetadataResponse.TensorMetadata* outputs 5, "
            "string% properties 6"
        ),
        "InferParameter": (
            "bool? bool_param 1, int64? int64_param 2, string? string_param 3, double? double_param 4, "
            "uint64? uint64_param 5"
        ),
        "InferTensorContents": (
            "bool* bool_contents 1, int32* int_contents 2, int64* int64_contents 3, uint32* uint_contents 4, "
            "uint64* uint64_contents 5, float* fp32_contents 6, double* fp64_contents 7, "
            "bytes* bytes_contents 8"
        ),
        "ModelInferRequest.InferInputTensor": (
            "string name 1, string datatype 2, int64* shape 3, InferParameter% parameters 4, "
            "InferTensorContents contents 5"
        ),
        "ModelInferRequest.InferRequestedOutputTensor": "string name 1, InferParameter% parameters 2",
        "ModelInferRequest": (
            "string model_name 1, string model_version 2, string id 3, InferParameter% parameters 4, "
            "ModelInferRequest.InferInputTensor* inputs 5, "
            "ModelInferRequest.InferRequestedOutputTensor* outputs 6, bytes* raw_input_contents 7"
        ),
        "ModelInferResponse.InferOutputTensor": (
            "string name 1, string datatype 2, int64* shape 3, InferParameter% parameters 4, "
            "InferTensorContents contents 5"
        ),
        "ModelInferResponse": (
            "string model_name 1, string model_version 2, string id 3, InferParameter% parameters 4, "
            "ModelInferResponse.InferOutputTensor* outputs 5, bytes* raw_output_contents 6"
        ),
        "ModelStreamInferResponse": "string error_message 1, ModelInferResponse infer_response 2",
        "ModelConfigRequest": "string name 1, string version 2",
        "ModelInput": "string name 1, int32 data_type 2, int64* dims 4",
        "ModelOutput": "string name 1, int32 data_type 2, int64* dims 3",
        "ModelConfig": (
            "string name 1, string platform 2, int32 max_batch_size 4, ModelInput* input 5, "
            "ModelOutput* output 6, string backend 17"
        ),
        "ModelConfigResponse": "ModelConfig config 1",
        "ModelStatisticsRequest": "string name 1, string version 2",
        "StatisticDuration": "uint64 count 1, uint64 ns 2",
        "InferStatistics": (
            "StatisticDuration success 1, StatisticDuration fail 2, StatisticDuration queue 3, "
            "StatisticDuration compute_input 4, StatisticDuration compute_infer 5, "
            "StatisticDuration compute_output 6"
        ),
        "ModelStatistics": (
            "string name 1, string version 2, uint64 last_inference 3, uint64 inference_count 4, "
            "uint64 execution_count 5, InferStatistics inference_stats 6"
        ),
        "ModelStatisticsResponse": "ModelStatistics* model_stats 1",
        "RepositoryIndexRequest": "string repository_name 1, bool ready 2",
        "RepositoryIndexResponse.ModelIndex": "string name 1, string version 2, string state 3, string reason 4",
        "RepositoryIndexResponse": "RepositoryIndexResponse.ModelIndex* models 1",
        "RepositoryModelLoadRequest": "string repository_name 1, string model_name 2",
        "RepositoryModelLoadResponse": "",
        "RepositoryModelUnloadRequest": "string repository_name 1, string model_name 2",
        "RepositoryModelUnloadResponse": "",
    },
    HEALTH: {
        "HealthCheckRequest": "string service 1",
        "HealthCheckResponse": "int32 status 1",
    },
}
"""Of every message its fields: type, name and number. ``*`` is for repeated, ``%`` for a map from strings, ``?`` for
one of a choice. What is left out of the published ones is skipped where it comes, as protobuf has it; an enumeration is
the number that it is on the wire."""

TYPES = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("bool", "int32", "int64", "uint32", "uint64", "float", "double", "string", "bytes")
}
OPTIONAL, REPEATED = 1, 3
"""Labels of a field, as descriptor.proto numbers them."""


def messages(package: str) -> dict[str, type[Message]]:
    """The classes of a package's messages, by name."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    by_name: dict[str, descriptor_pb2.DescriptorProto] = {}
    for name in sorted(FIELDS[package], key=len):  # an outer message before those in it
        outer, _, inner = name.rpartition(".")
        by_name[name] = by_name[outer].nested_type.add(name=inner) if outer else file.message_type.add(name=name)
    for name, fields in FIELDS[package].items():
        for field in filter(None, fields.split(", ")):
            add_field(package, by_name[name], name, *field.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in by_name}


def add_field(
    package: str, message: descriptor_pb2.DescriptorProto, full_name: str, kind: str, name: str, number: str
) -> None:
    """A field of a message."""
    mark = kind[-1] if kind[-1] in "*%?" else ""
    kind = kind.rstrip("*%?")
    field = message.field.add(name=name, number=int(number), label=REPEATED if mark in ("*", "%") else OPTIONAL)
    if mark == "%":
        entry_name = "".join(part.capitalize() for part in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=OPTIONAL, type=TYPES["string"])
        set_type(package, entry.field.add(name="value", number=2, label=OPTIONAL), kind)
        set_type(package, field, f"{full_name}.{entry_name}")
        return
    set_type(package, field, kind)
    if mark == "?":
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0


def set_type(package: str, field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    """The type of a field: one of protobuf's own, or a message."""
    if kind in TYPES:
        field.type = TYPES[kind]
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
