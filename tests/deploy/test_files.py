"""What `deploy kserve` and `deploy compose` write is well formed, and speaks of what the server has."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import urllib.request
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

import flowexport
from flowexport.cli.main import main
from flowexport.deploy import place_new
from flowexport.deploy.compose import PANELS
from flowexport.deploy.image import GRPC_PORT, HTTP_PORT
from tests.serving.processes import served

ROUTES = ("/v2/health/ready", "/v2/health/live", "/metrics")


def deployed(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["deploy", *map(str, words)])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compose project of two bundles."""
    path = tmp_path_factory.mktemp("compose") / "project"
    done = deployed("compose", "banana", "stones=diamonds", "-o", path)
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service of KServe."""
    path = tmp_path_factory.mktemp("kserve") / "service"
    done = deployed("kserve", "breast_cancer", "-o", path, "--image", "example/flows:1")
    assert done.exit_code == 0, done.output
    return path


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def words_of(containerfile: Path) -> list[str]:
    """The command that the image runs."""
    lines = dict(
        line.split(" ", 1) for line in containerfile.read_text(encoding="utf-8").splitlines() if line[:1] != "#"
    )
    return [*json.loads(lines["ENTRYPOINT"]), *json.loads(lines["CMD"])]


def require_options(words: list[str]) -> dict[str, Any]:
    """The values that `flowexport serve` has of a command line."""
    assert words[:2] == ["flowexport", "serve"]
    context = click.Context(main, **main.context_settings)
    command = main.get_command(context, "serve")
    assert command is not None
    # Behind its parent: a command keeps the help option that it is first asked for.
    return command.make_context("serve", words[2:], parent=context).params


def test_the_image_serves_the_bundles_that_are_beside_it(project: Path) -> None:
    text = (project / "Containerfile").read_text(encoding="utf-8")
    assert f"'flowexport[cpu,serve]=={flowexport.__version__}'" in text
    given = require_options(words_of(project / "Containerfile"))
    assert (given["host"], given["port"], given["grpc_port"]) == ("0.0.0.0", HTTP_PORT, GRPC_PORT)
    assert given["bundles"] == ("banana=/bundles/banana", "stones=/bundles/stones")
    for name in ("banana", "stones"):
        assert flowexport.verify(project / "bundles" / name, device="cpu").passed


def test_the_inference_service_is_what_kserve_reads(service: Path) -> None:
    document = read(service / "inferenceservice.yaml")
    assert (document["apiVersion"], document["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert document["metadata"]["name"] == "breast-cancer"
    (container,) = document["spec"]["predictor"]["containers"]
    assert (container["name"], container["image"]) == ("kserve-container", "example/flows:1")
    assert ["flowexport", "serve", *container["args"]] == words_of(service / "Containerfile")
    assert container["ports"] == [{"containerPort": HTTP_PORT, "protocol": "TCP"}]
    for probe in ("readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] == HTTP_PORT
        assert asked["path"] in ROUTES


def test_the_project_mounts_what_it_has(project: Path) -> None:
    services = read(project / "compose.yaml")["services"]
    assert services.keys() == {"flowexport", "prometheus", "grafana"}
    assert (project / services["flowexport"]["build"]["dockerfile"]).is_file()
    for each in services.values():
        assert all(port.startswith("127.0.0.1:") for port in each["ports"])
        for volume in each.get("volumes", ()):
            assert (project / volume.split(":")[0]).exists()
    scraped = read(project / "prometheus.yml")["scrape_configs"][0]
    assert scraped["static_configs"][0]["targets"] == [f"flowexport:{HTTP_PORT}"]
    assert scraped["metrics_path"] in ROUTES
    provisioning = project / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))[
        "datasources"
    ]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "flowexport.yaml").read_text(encoding="utf-8"))[
        "providers"
    ]
    assert provider["options"]["path"] == services["grafana"]["volumes"][1].split(":")[1]
    shown = json.loads((project / "grafana" / "dashboards" / "flowexport.json").read_text(encoding="utf-8"))
    assert {panel["datasource"]["uid"] for panel in shown["panels"]} == {source["uid"]}
    assert len({panel["id"] for panel in shown["panels"]}) == len(PANELS)


def test_the_images_command_answers_what_kserve_and_prometheus_ask_and_the_dashboard_draws(project: Path) -> None:
    words = words_of(project / "Containerfile")[2:]
    here = [word.replace("/bundles/", f"{project}/bundles/") for word in words]
    with served(*here, "--host", "127.0.0.1", "--grpc-port", "0") as server:
        for name, width in (("banana", 2), ("stones", 4)):
            body = {"inputs": [{"name": "z", "datatype": "FP32", "shape": [1, width], "data": [0.0] * width}]}
            if name == "stones":
                context = {"name": "context", "datatype": "FP32", "shape": [1, 3], "data": [0, 0, 0]}
                body["inputs"].append(context)
            assert server.infer(f"{name}_sample", body)[0] == 200
        said = {}
        for route in ROUTES:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{route}") as answer:
                assert answer.status == 200
                said[route] = answer.read().decode()
    there = set(re.findall(r"^(flowexport_\w+)", said["/metrics"], re.MULTILINE))
    asked = " ".join(each for _, _, targets in PANELS for each in targets.values())
    drawn = set(re.findall(r"flowexport_\w+", asked))
    assert len(drawn) > 8
    assert drawn <= there


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("kserve banana --image x --name Banana", "--name: 'Banana': expected lower-case letters"),
        ("kserve banana --image 'x y'", "--image: 'x y': expected the name of an image"),
        ("compose nowhere", "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_is_refused(words: str, message: str, tmp_path: Path) -> None:
    refused = deployed(*shlex.split(words), "-o", tmp_path / "out")
    assert refused.exit_code == 2
    assert message in refused.output
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_told_by_the_name_that_the_file_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("flowexport.deploy.place.write_file", full)
    with pytest.raises(OSError, match="No space") as found:
        place_new(tmp_path, {"model/config.pbtxt": b""})
    assert found.value.filename == str(tmp_path / "model" / "config.pbtxt")
    assert list(tmp_path.iterdir()) == []
