"""Held-out NLL of `fit` with its defaults beside other densities: python -m benchmarks.quality [--tables NAME ...]."""

from __future__ import annotations

__all__ = ["report_of"]

import argparse
import itertools
import json
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import flowexport
from flowexport.bench import machine
from flowexport.errors import FlowExportError

from .report import PACKAGES, Goal, Report, Table
from .tables import TABLES
from .training_time import page_loop

FIT, LOOP, MIXTURE, GAUSSIAN = "fit", "loop", "mixture", "Gaussian"

EPOCHS = 100
"""Of the plain loop."""

COMPONENTS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Of the mixtures that the criterion chooses from."""

RAYS = 64
DEVIATIONS = (10, 20, 50, 100)
"""How far from the mean the far field is looked at, in standard deviations of each feature."""

FALL = 1e5
"""Nats that log_prob at ten deviations may be below the edge of the data."""

WORSE_THAN_GAUSSIAN, WORSE_THAN_LOOP = 0.02, 0.05
"""Nats."""

HOW = f"""\
`RealNVP(features)` and `fit(flow, x)`, with nothing else said, beside (a) the plain loop of zuko's page (RealNVP of 5
layers of 128 · 128, Adam at 1e-3, {EPOCHS} epochs, batches of 128 of standardised rows), at the best of its epochs on
the very rows that it is judged on, (b) scikit-learn's GaussianMixture of the number of components, of
{", ".join(map(str, COMPONENTS))}, that BIC chooses, and (c) a Gaussian: maximum likelihood or Ledoit and Wolf's
shrinkage, whichever is likelier by five-fold cross-validation. All are given the same rows. NLLs are in nats a row, on
rows that none has seen, in the units of the table, means over seeds; seconds are of one processor. Every flow is
exported with `export(flow, path, data=x)`. *Fall* is how far log_prob at ten deviations from the mean is below the
lowest of the training rows, the median of {RAYS} random directions; *falls on* says whether the mean of log_prob over
them goes on falling from 10 to 100 deviations."""

Record = dict[str, Any]
"""What one method found on one table with one seed: table, seed, by, nll, seconds and, for ours, more."""

Found = tuple[float, float, dict[str, Any]]
"""NLL on the held-out rows, seconds, and what else is to be told."""


def fitted(training: np.ndarray, held_out: np.ndarray, seed: int, export: bool = True) -> Found:
    """The three lines of the README."""
    torch.manual_seed(seed)
    started = time.process_time()
    flow = flowexport.RealNVP(features=training.shape[1])
    epochs = flowexport.fit(flow, training, seed=seed)
    seconds = time.process_time() - started
    with torch.no_grad():
        nll = -float(flow.log_prob(torch.from_numpy(held_out).float()).double().mean())
    more = {"epochs": len(epochs), **(exported(flow, training) if export else {})}
    more |= far_field(flow, training, seed)
    return nll, seconds, more


def exported(flow: flowexport.RealNVP, training: np.ndarray) -> dict[str, Any]:
    """Whether export lets the flow pass, and the fault if not."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            flowexport.export(flow, Path(folder) / "bundle", data=training)
        except FlowExportError as error:
            return {"exported": False, "fault": str(error).splitlines()[0]}
    return {"exported": True}


@torch.no_grad()
def far_field(flow: flowexport.RealNVP, training: np.ndarray, seed: int) -> dict[str, Any]:
    """How far log_prob falls along rays from the mean, in float64."""
    exact = flow.double()
    directions = np.random.default_rng(seed).normal(size=(RAYS, training.shape[1]))
    directions /= np.abs(directions).max(axis=1, keepdims=True)
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    edge = exact.log_prob(torch.from_numpy(training)).min().item()
    along = [exact.log_prob(torch.from_numpy(mean + t * deviation * directions)) for t in DEVIATIONS]
    means = [each.mean().item() for each in along]
    return {
        "fall": edge - along[0].median().item(),
        "monotone": all(near > far for near, far in itertools.pairwise(means)),
    }


def looped(training: np.ndarray, held_out: np.ndarray, seed: int) -> Found:
    """zuko's page, at its best epoch."""
    curve = page_loop(training, held_out, EPOCHS, seed, time.process_time)
    return min((nll for _, nll in curve if math.isfinite(nll)), default=math.inf), curve[-1][0], {}


def mixed(training: np.ndarray, held_out: np.ndarray, seed: int) -> Found:
    """A mixture of as many Gaussians as BIC takes."""
    from sklearn.mixture import GaussianMixture

    started = time.process_time()
    x, held, unit = standardised(training, held_out)
    counts = [count for count in COMPONENTS if count <= len(x) // 2]
    models = [GaussianMixture(count, random_state=seed, reg_covar=1e-6).fit(x) for count in counts]
    best = min(models, key=lambda model: model.bic(x))
    return unit - float(best.score(held)), time.process_time() - started, {}


def gaussian(training: np.ndarray, held_out: np.ndarray, seed: int) -> Found:
    """The better of two Gaussians, as a careful person would choose."""
    from sklearn.covariance import EmpiricalCovariance, LedoitWolf
    from sklearn.model_selection import cross_val_score

    started = time.process_time()
    x, held, unit = standardised(training, held_out)
    kinds = [EmpiricalCovariance(), LedoitWolf()]
    # The scores are mean log-likelihoods; a covariance that has no inverse has none.
    scores = [np.nan_to_num(cross_val_score(each, x, cv=5).mean(), nan=-np.inf) for each in kinds]
    best = kinds[int(np.argmax(scores))].fit(x)
    return unit - float(best.score(held)), time.process_time() - started, {}


def standardised(training: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Both in the deviations of the training rows, and what an NLL gains by that."""
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    return (training - mean) / deviation, (held_out - mean) / deviation, float(np.log(deviation).sum())


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int], Found]] = {
    FIT: fitted,
    LOOP: looped,
    MIXTURE: mixed,
    GAUSSIAN: gaussian,
}


def measured(tables: Iterable[str], seeds: int, methods: Iterable[str], exports: int) -> Iterable[Record]:
    """What each method finds, a seed after the other; the flows of the first ``exports`` seeds are exported."""
    for seed, table, by in itertools.product(range(seeds), tables, methods):
        method = partial(fitted, export=seed < exports) if by == FIT else METHODS[by]
        nll, seconds, more = method(*TABLES[table](seed), seed)
        yield {"table": table, "seed": seed, "by": by, "nll": nll, "seconds": seconds, **more}


def report_of(records: Sequence[Record]) -> Report:
    """The table, and what became of the goals, of all records."""

    # Of the others the seeds that ours were run with: means over other seeds would compare other rows.
    tried = {(each["table"], each["seed"]) for each in records if each["by"] == FIT}
    records = [each for each in records if (each["table"], each["seed"]) in tried]

    def of(table: str, by: str, figure: str) -> float:
        found = [each[figure] for each in records if each["table"] == table and each["by"] == by]
        return float(np.mean(found)) if found else math.nan

    names = list(dict.fromkeys(each["table"] for each in records))
    rows = []
    for name in names:
        ours = [each for each in records if each["table"] == name and each["by"] == FIT]
        through = [each["exported"] for each in ours if "exported" in each]
        nlls = [f"{of(name, by, 'nll'):.2f}" for by in METHODS]
        seconds = [f"{of(name, by, 'seconds'):.1f}" for by in (FIT, LOOP)]
        falls = "yes" if all(each["monotone"] for each in ours) else "no"
        rows.append(
            [
                name,
                str(len(ours)),
                *nlls,
                *seconds,
                f"{sum(through)} of {len(through)}",
                f"{of(name, FIT, 'fall'):.2g}",
                falls,
            ]
        )
    columns = [
        "table",
        "seeds",
        "fit",
        "plain loop",
        "mixture",
        "Gaussian",
        "s, fit",
        "s, loop",
        "exported",
        "fall",
        "falls on",
    ]
    ours = [each for each in records if each["by"] == FIT]

    def share(met: Callable[[str], bool]) -> float:
        return sum(map(met, names)) / len(names)

    goals = [
        Goal(
            12,
            "largest that `fit` is worse than a Gaussian",
            WORSE_THAN_GAUSSIAN,
            "≤",
            "nats",
            max(of(name, FIT, "nll") - of(name, GAUSSIAN, "nll") for name in names),
        ),
        Goal(
            12,
            f"tables within {WORSE_THAN_LOOP} nats of the plain loop's best, or better",
            0.9,
            figure=share(lambda name: not of(name, FIT, "nll") > of(name, LOOP, "nll") + WORSE_THAN_LOOP),
            unit="of all",
        ),
        Goal(
            12,
            "time of `fit`, of that of the plain loop, over all tables",
            1.0,
            "≤",
            figure=sum(of(name, FIT, "seconds") for name in names) / sum(of(name, LOOP, "seconds") for name in names),
        ),
        Goal(
            12,
            "exports that pass",
            1.0,
            figure=float(np.mean([each["exported"] for each in ours if "exported" in each])),
            unit="of all",
        ),
        Goal(
            12,
            f"tables whose density falls by less than {FALL:.0e} nats",
            0.9,
            figure=share(lambda name: of(name, FIT, "fall") <= FALL),
            unit="of all",
        ),
        Goal(
            12,
            "flows whose density goes on falling",
            1.0,
            figure=float(np.mean([each["monotone"] for each in ours])),
            unit="of all",
        ),
    ]
    faults = [
        f"{each['table']}, seed {each['seed']}: {each['fault']}" for each in ours if not each.get("exported", True)
    ]
    return Report("Quality of the defaults", HOW, [Table("Held-out NLL", columns, rows, faults)], goals, list(records))


def main() -> None:
    """The command: prints Markdown, and on stderr where it is."""
    parser = argparse.ArgumentParser(description="Held-out NLL of `fit` with its defaults beside other densities.")
    parser.add_argument("--tables", nargs="+", metavar="NAME", choices=list(TABLES), help="these, by default all")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="of each table, 3 by default")
    parser.add_argument("--exports", type=int, default=3, metavar="N", help="seeds whose flows are exported")
    parser.add_argument("--by", nargs="+", choices=list(METHODS), default=list(METHODS), help="these methods alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too, after each of them")
    parser.add_argument(
        "--records", type=Path, nargs="+", metavar="FILE", help="tell what such files hold, run nothing"
    )
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    records: list[Record] = []
    if given.records:
        records = [record for file in given.records for record in json.loads(file.read_text())["figures"]]
    else:
        torch.set_num_threads(1)
        for record in measured(given.tables or TABLES, given.seeds, given.by, given.exports):
            records.append(record)
            print(", ".join(f"{key} {value}" for key, value in record.items()), file=sys.stderr, flush=True)
            if given.json:
                given.json.write_text(Report("", "", [], figures=records).to_json(), encoding="utf-8")
    if {each["by"] for each in records} == set(METHODS):
        report = report_of(records)
        report = Report(
            report.title, report.how, report.tables, report.goals, records, round(time.perf_counter() - started, 1)
        )
        if given.json:
            given.json.write_text(report.to_json(), encoding="utf-8")
        print(", ".join(f"{key} {value}" for key, value in machine(PACKAGES).items()), end="\n\n")
        print(report.markdown())


if __name__ == "__main__":
    main()
