"""``flowexport inspect``."""

from typing import TYPE_CHECKING

import click

from .options import as_json as json_option

if TYPE_CHECKING:
    from flowexport.bundle.schema import ContextFeature


@click.command("inspect")
@click.argument("bundle")
@json_option
def command(bundle: str, as_json: bool) -> None:
    """Show what a BUNDLE (a folder, or the name of a zoo model) is and promises."""
    from flowexport.bundle import open_bundle

    from .screen import show_table

    opened = open_bundle(bundle)
    manifest = opened.manifest
    if as_json:
        # The file itself, which may hold keys that this version does not know.
        click.echo((opened.path / "flow.json").read_text(encoding="utf-8").rstrip())
        return
    arguments = ", ".join(f"{key}={value}" for key, value in manifest.architecture.get("arguments", {}).items())
    context = ", ".join(map(described, manifest.context_features or [])) or "none"
    features = ": " + ", ".join(manifest.features) if manifest.features else ""
    rows = [
        ("model", manifest.name),
        ("description", manifest.description),
        ("flow", f"{manifest.architecture.get('flow')}({arguments})"),
        ("features", f"{'×'.join(map(str, manifest.event_shape))}{features}"),
        ("context", context),
        ("type", manifest.dtype),
    ]
    total = 0
    for name in ("log_prob", "sample"):
        data, graph = opened.graph(name)
        signature = " × ".join(
            f"{t.name} [{', '.join(map(str, t.shape))}]" for t in getattr(manifest.graphs, name).inputs
        )
        output = getattr(manifest.graphs, name).outputs[0]
        rows.append((name, f"{signature} → {output.name} [{', '.join(map(str, output.shape))}]"))
        rows.append(("", f"{sum(graph.operators.values())} nodes, {graph.parameters:,} numbers, {len(data):,} bytes"))
        total += len(data)
    tolerance = manifest.tolerance.log_prob
    rows.append(("promise", f"|Δ log_prob| ≤ {tolerance.atol:g} nats + {tolerance.rtol:g} · |log_prob|"))
    if manifest.reference is not None:
        quantiles = manifest.reference.log_prob_quantiles
        picked = ", ".join(f"{p} % {quantiles[p]:.2f}" for p in (0, 5, 50, 95, 100))
        rows.append(("log_prob", f"of {manifest.reference.rows:,} data rows: {picked}"))
    rows.append(("made with", ", ".join(f"{k} {v[:12]}" for k, v in manifest.provenance.items())))
    show_table(("", str(opened.path)), rows)


def described(feature: "ContextFeature") -> str:
    """The name of a column of the context, with its categories."""
    return feature.name + (f" ({', '.join(feature.categories)})" if feature.categories else "")
