"""``flowexport deploy``."""

from pathlib import Path

import click

from .options import examples


@click.group(
    "deploy",
    epilog=examples("deploy triton banana diamonds -o repository", "deploy compose banana diamonds -o project"),
)
def command() -> None:
    """Write what other engines serve bundles from."""


bundles_argument = click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")


@command.command("triton", epilog=examples("deploy triton banana diamonds -o repository"))
@bundles_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The model repository.")
@click.option(
    "--backend",
    type=click.Choice(["onnxruntime", "python"]),
    default="onnxruntime",
    show_default=True,
    help="What runs a graph; python needs flowexport beside Triton, and checks and refuses as it does.",
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--instances", type=click.IntRange(1, 1000), default=1, show_default=True, help="Copies of a model.")
@click.option("--threads", type=click.IntRange(1, 1000), default=1, show_default=True, help="Of one copy.")
@click.option("--max-batch", type=click.IntRange(1, 2**31 - 1), default=1024, show_default=True, help="Rows of a run.")
@click.option("--delay", type=click.IntRange(0, 10**9), default=0, show_default=True, help="µs to wait for more rows.")
def triton(
    bundles: tuple[str, ...],
    output: Path,
    backend: str,
    device: str,
    instances: int,
    threads: int,
    max_batch: int,
    delay: int,
) -> None:
    """A model repository for NVIDIA's Triton Inference Server.

    Each BUNDLE, a folder or the name of a zoo model, becomes the models NAME_log_prob and NAME_sample; NAME=BUNDLE
    gives another name. The repository may hold other models; one that is there already is not replaced.
    """
    from flowexport.bundle import known
    from flowexport.deploy import Placing, named_bundles, place_new, repository

    placing = Placing(backend, device, instances, threads, max_batch, delay)  # type: ignore[arg-type]
    named = named_bundles(bundles)
    place_new(output, dict(repository(named, placing)))
    for each in named:
        graphs = [kind.name for kind in known(each.bundle.manifest.graphs)]
        click.echo(", ".join(f"{output / each.name}_{graph}" for graph in graphs))


@command.command("kserve", epilog=examples("deploy kserve banana -o service --image registry/flows:1"))
@bundles_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A folder.")
@click.option("--image", required=True, help="What the image is called where the cluster pulls it.")
@click.option("--name", help="Of the service.  [default: the first bundle's]")
def kserve(bundles: tuple[str, ...], output: Path, image: str, name: str | None) -> None:
    """An InferenceService of KServe, and a Containerfile of the image that it runs.

    The image is flowexport serve with every BUNDLE, a folder or the name of a zoo model; NAME=BUNDLE gives another
    name.
    """
    from flowexport.deploy import kserve_files, named_bundles, place_new

    named = named_bundles(bundles)
    place_new(output, dict(kserve_files(named, name or named[0].name.lower().replace("_", "-"), image)))
    click.echo(f"{output / 'Containerfile'}, {output / 'inferenceservice.yaml'}")


@command.command("compose", epilog=examples("deploy compose banana diamonds -o project"))
@bundles_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A folder.")
def compose(bundles: tuple[str, ...], output: Path) -> None:
    """A compose project: a server of every BUNDLE, Prometheus, and Grafana with a dashboard."""
    from flowexport.deploy import compose_files, named_bundles, place_new

    place_new(output, dict(compose_files(named_bundles(bundles))))
    click.echo(f"{output / 'compose.yaml'}")
