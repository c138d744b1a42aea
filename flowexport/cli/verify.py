"""``flowexport verify``."""

from pathlib import Path

import click

from .options import as_json as json_option
from .options import device as device_option
from .options import digest as digest_option
from .options import engine as engine_option
from .options import examples


@click.command(
    "verify", epilog=examples("verify banana", "verify bundle --checkpoint run", "verify bundle other_bundle --json")
)
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="A run folder: compare with it afresh.")
@engine_option
@device_option
@digest_option
@json_option
def command(
    bundles: tuple[str, ...],
    checkpoint: Path | None,
    engine: str,
    device: str,
    digest: str | None,
    as_json: bool,
) -> None:
    """Prove BUNDLE (a folder, a zip of it, or the name of a zoo model) against the trained model in float64.

    Seven checks, each with its figure against its bound: structure, parity, rounding, direction, round
    trip, mass and device. Without --checkpoint the references are the golden cases in the bundle. Exit status 1 when a
    figure is over its bound, 2 for a fault in format, path or hash.
    """
    import json

    from flowexport.errors import CheckFailed
    from flowexport.proof import verify

    from .screen import report_table, waiting
    from .streams import reader_may_leave

    references = None
    if checkpoint is not None:
        from flowexport.export import references_of_checkpoint
        from flowexport.training import load_checkpoint

        references = references_of_checkpoint(load_checkpoint(checkpoint))
    reports = []
    for bundle in bundles:
        with waiting(f"verifying {bundle}"):
            reports.append(verify(bundle, device, references, digest=digest, engine=engine))
        if not as_json:
            with reader_may_leave():
                report_table(reports[-1])
    if as_json:
        documents = [report.to_dict() for report in reports]
        with reader_may_leave():
            click.echo(json.dumps(documents[0] if len(documents) == 1 else documents, indent=2))
    failed = [report for report in reports if not report.passed]
    if failed:
        raise CheckFailed("; ".join(report.fault() for report in failed), failed[0])
