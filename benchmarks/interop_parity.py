"""Models trained in zuko, nflows and normflows, adopted and exported: how far a bundle is from its library.

    python -m benchmarks.interop_parity [--steps 250] [NAME …]

Each model is trained by its own library. Then, over 500 held-out rows and 500 draws of noise, the adopted flow in
float64 and the exported float32 bundle are compared with that library's log_prob and samples in float64.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import torch

import flowexport
from flowexport.runtime import normals
from tests.interop.trained import CASES, STEPS, contexts, rows, train

ROWS = 500


@torch.no_grad()
def figures(name: str, steps: int) -> dict[str, float]:
    """The largest differences of one case: nats, relative, and standard deviations of a feature."""
    model = train(name, steps)
    numbers = model.library.numbers(model.module)
    x, context = rows(ROWS, model.features, seed=4), contexts(ROWS, model.context, seed=5)
    noise = torch.from_numpy(normals(11, 0, ROWS * model.features).reshape(ROWS, -1)).double()
    wide = None if context is None else context.double()
    one = None if context is None else context[0]
    exact = model.exact()
    density = model.library.log_prob(exact, x.double(), wide)
    sample = model.library.sample(exact, noise, None if one is None else one.double().expand(ROWS, -1))
    adopted = model.library.adopt(exact)
    held_out = (rows(1200, model.features, seed=2), contexts(1200, model.context, seed=3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle"
        flowexport.export(model.library.adopt(model.module), path, *held_out, original=numbers)
        loaded = flowexport.load(path, device="cpu")
        of_bundle = loaded.log_prob(x.numpy(), None if context is None else context.numpy())
        drawn = loaded.sample(ROWS, context=None if one is None else one.numpy(), seed=11)
    return {
        "float64": float(((adopted.log_prob(x.double(), wide) - density).abs() / density.abs().clamp_min(1)).max()),
        "log_prob": float(abs(of_bundle - density.numpy()).max()),
        "sample": float((abs(drawn - sample.numpy()) / sample.numpy().std(axis=0)).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases; by default all")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("| model | float64, relative | bundle, log_prob, nats | bundle, samples, deviations |")
    print("| --- | --- | --- | --- |")
    for name in given.names or CASES:
        found = figures(name, given.steps)
        print(f"| {name} | {found['float64']:.0e} | {found['log_prob']:.1e} | {found['sample']:.1e} |", flush=True)


if __name__ == "__main__":
    main()
