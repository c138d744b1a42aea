"""``flowexport export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .options import as_json as json_option
from .options import examples

if TYPE_CHECKING:
    from flowexport.proof import Report

LIBRARIES = ("nflows", "normflows", "zuko")
"""As `flowexport.interop.load.LIBRARIES` has them, named here so that ``--help`` needs no torch."""


@click.command(
    "export",
    epilog=examples(
        "export run -o bundle",
        "export run -o bundle --golden samples",
        "export --from zuko flow.pt --trust-pickle --data rows.csv -o bundle",
    ),
)
@click.argument("run", metavar="RUN|FILE", type=click.Path(path_type=Path))
@click.option("-o", "--output", "bundle", required=True, type=click.Path(path_type=Path), help="The bundle to make.")
@click.option(
    "--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True, help="Of the graphs."
)
@click.option("--weights", is_flag=True, help="Put model.safetensors beside the graphs.")
@click.option(
    "--golden",
    type=click.Choice(["data", "samples"]),
    help="What golden rows are: rows of the data, or the model's samples.  [default: the recipe's, or data]",
)
@click.option(
    "--graphs",
    default="log_prob,sample",
    show_default=True,
    metavar="NAME,…",
    help="log_prob or sample alone makes a bundle that does no more.",
)
@click.option("--from", "library", type=click.Choice(LIBRARIES), help="FILE holds a model that was trained with it.")
@click.option("--arguments", type=click.Path(path_type=Path), help="With --from: what FILE is the state dict of.")
@click.option("--data", type=click.Path(path_type=Path), help="With --from: a table of rows of the model.")
@click.option("--trust-pickle", is_flag=True, help="With --from: load a pickled module, which runs any code in it.")
@json_option
def command(
    run: Path,
    bundle: Path,
    dtype: str,
    weights: bool,
    golden: Literal["data", "samples"] | None,
    graphs: str,
    library: str | None,
    arguments: Path | None,
    data: Path | None,
    trust_pickle: bool,
    as_json: bool,
) -> None:
    """Export a RUN folder, or a FILE of another library, as a bundle of ONNX graphs, verified first.

    A failed or killed export leaves what was there before, whole.

    With --from, FILE is a state dict (safetensors, or torch.save of it) and --arguments a JSON or TOML file that
    spells its module; or it is a module by torch.save, with --trust-pickle. The bundle is then held to that library's
    own log_prob and samples. Columns of --data are features, then context; they give the bundle its names.
    """
    from flowexport.bundle import open_bundle
    from flowexport.bundle.card import holds_data
    from flowexport.errors import CheckFailed

    from .screen import report_table, waiting

    if library is None:
        for option, given in (("arguments", arguments), ("data", data), ("trust-pickle", trust_pickle)):
            if given:
                raise click.UsageError(f"--{option} belongs to --from")

    names = [name.strip() for name in graphs.split(",")]

    def export() -> "Report":
        if library is None:
            from flowexport.export import export_checkpoint
            from flowexport.training import load_checkpoint

            checkpoint = load_checkpoint(run)
            with waiting("exporting"):
                return export_checkpoint(checkpoint, bundle, dtype, weights, golden, names)  # type: ignore[arg-type]
        from .adopt import export_adopted

        with waiting("exporting"):
            return export_adopted(library, run, arguments, trust_pickle, data, bundle, dtype, weights, golden, names)  # type: ignore[arg-type]

    def show(report: "Report") -> None:
        if as_json:
            click.echo(report.to_json())
        else:
            report_table(report)

    try:
        report = export()
    except CheckFailed as error:
        # What was refused is shown whole, and the last line is the refusal.
        if error.report is not None:
            show(error.report)
        raise
    show(report)
    if not as_json:
        click.echo(f"{bundle} holds {holds_data(open_bundle(bundle).manifest)}")
