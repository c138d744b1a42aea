"""``flowexport models``."""

import click

from .options import as_json as json_option
from .options import examples


@click.command("models", epilog=examples("models", "models --json"))
@json_option
def command(as_json: bool) -> None:
    """List the trained models that come with the package."""
    import json

    from flowexport.bundle import open_bundle, zoo_names

    from .screen import show_table

    manifests = [open_bundle(name).manifest for name in zoo_names()]
    if as_json:
        keys = ("name", "description", "event_shape", "context_size")
        click.echo(json.dumps([{key: getattr(m, key) for key in keys} for m in manifests], indent=2))
        return
    rows = [(m.name, "×".join(map(str, m.event_shape)), str(m.context_size), m.description) for m in manifests]
    show_table(("model", ">features", ">context", "description"), rows)
