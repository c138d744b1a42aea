"""What a stranger may plant in a bundle is refused in one line, which no terminal obeys."""

from pathlib import Path

import onnx
import pytest
from onnx.defs import OpSchema

from flowexport.bundle import Bundle, open_bundle, zoo_names
from flowexport.bundle.operators import MESSAGES, OPERATORS, OPSET
from flowexport.bundle.text import unprintable
from flowexport.errors import BundleError
from tests.conftest import Exported
from tests.hostile import HOSTILE
from tests.planting import Planted


def read_all(path: Path) -> Bundle:
    """Opens a bundle and all that is in it."""
    bundle = open_bundle(path)
    for name in bundle.manifest.files:
        bundle.read(name)
    for name in ("log_prob", "sample"):
        bundle.graph(name)
    return bundle


@pytest.mark.parametrize("case", HOSTILE)
def test_what_can_be_read_in_two_ways_is_refused(plain: Exported, tmp_path: Path, case: str) -> None:
    plant, words = HOSTILE[case]
    planted = Planted(plain.path, tmp_path / "plain")
    plant(planted)
    with pytest.raises(BundleError) as caught:
        read_all(planted.path)
    message = str(caught.value)
    assert unprintable(message) is None
    assert len(message) < 1000
    for word in words:
        assert word in message


def test_a_link_that_leads_to_itself(plain: Exported, tmp_path: Path) -> None:
    planted = Planted(plain.path, tmp_path / "plain")
    (planted.path / "golden/z.npy").unlink()
    (planted.path / "golden/z.npy").symlink_to("z.npy")
    with pytest.raises(BundleError, match=r"z\.npy"):
        read_all(planted.path)


def test_operators_are_deterministic_ones_of_the_standard_domain() -> None:
    for name in OPERATORS:
        schema = onnx.defs.get_schema(name, OPSET, "")
        assert not schema.deprecated
        assert "seed" not in schema.attributes, name
        kinds = {attribute.type for attribute in schema.attributes.values()}
        assert not kinds & {OpSchema.AttrType.GRAPH, OpSchema.AttrType.GRAPHS}, name
        for each in (*schema.inputs, *schema.outputs):
            assert any(kind.startswith("tensor(") and kind != "tensor(string)" for kind in each.types), name


def test_the_table_of_fields_is_of_onnx_proto() -> None:
    """Each message, field number and wire type as the onnx package has them."""
    shapes = {"Opset": "OperatorSetId", "Value": "ValueInfo", "Shape": "TensorShape"}
    for name, fields in MESSAGES.items():
        inner = {"TensorType": "TypeProto.Tensor", "Dimension": "TensorShapeProto.Dimension"}
        kind: object = onnx
        for part in inner.get(name, f"{shapes.get(name, name)}Proto").split("."):
            kind = getattr(kind, part)
        known = kind.DESCRIPTOR.fields_by_number  # type: ignore[attr-defined]
        for number, what in fields.items():
            assert known[number].is_repeated == what.endswith("*"), (name, number)
            assert (known[number].message_type is not None) == (what.removesuffix("*") in MESSAGES), (name, number)


@pytest.mark.parametrize("name", zoo_names())
def test_the_zoo_keeps_to_the_tables(name: str) -> None:
    read_all(open_bundle(name).path)
