"""``flowexport export``."""

from pathlib import Path

import click

from .options import as_json as json_option


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", "bundle", required=True, type=click.Path(path_type=Path), help="The bundle to make.")
@click.option(
    "--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True, help="Of the graphs."
)
@click.option("--weights", is_flag=True, help="Put model.safetensors beside the graphs.")
@json_option
def command(run: Path, bundle: Path, dtype: str, weights: bool, as_json: bool) -> None:
    """Export a RUN folder as a bundle: two ONNX graphs, verified before they are put in place.

    A failed or killed export leaves what was there before, whole.
    """
    from flowexport.export import export_checkpoint
    from flowexport.training import load_checkpoint

    from .screen import report_table, waiting

    checkpoint = load_checkpoint(run)
    with waiting("exporting both directions"):
        report = export_checkpoint(checkpoint, bundle, dtype, weights)  # type: ignore[arg-type]
    if as_json:
        click.echo(report.to_json())
    else:
        report_table(report)
