"""The training loop: maximum likelihood, early stopping on held-out rows, and a state that can be resumed."""

from __future__ import annotations

__all__ = ["Epoch", "State", "fit", "train"]

import copy
import inspect
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
import torch
from torch import Tensor

from flowexport.bundle.nearest import with_choices
from flowexport.errors import ArgumentError, DataWarning, TrainingError
from flowexport.flows import Flow

from .compiled import compiled_log_prob
from .data import Rows, make_rows, numbers
from .descent import Descent
from .discrete import held_out_with_noise
from .epoch import Batches, Held, run_epoch
from .history import Epoch, History
from .images import as_vectors
from .named import context_by_name, features_by_name
from .preparation import diagnosed, require_fitting, standardise
from .progress import shown
from .recipe import TrainingSpec
from .start import clearly_better, start_of_all_rows
from .threads import torch_threads

SMALL_PRODUCT = 4 << 20
"""Multiply-adds of a step's largest matrix product up to which one thread trains as fast as two (batch 128 at width
128: 2.9 against 2.7 ms a step). Where the processors have other work, two threads that wait for each other at every
small product have been seen to take a hundred times as long."""


@dataclass
class State:
    """All that training needs in order to go on as if it had not stopped.

    Arguments:
        epoch: epochs done.
        best_epoch, best_nll: the best so far on held-out rows; epoch 0 is the flow as it was before the first.
        start: log_prob of the held-out rows before the first epoch, ``[rows]`` float64 nats, where that is the
            Gaussian of the training rows; else no rows.
        flow, optimizer: state dictionaries, the optimiser's flattened to names and tensors.
        generator: the state of torch's generator.
        best: the weights of the best epoch.
        average: the average of the weights, where one is kept, by their names.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_nll: float = math.inf
    start: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.float64))
    flow: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    generator: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))
    best: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)

    def begin(self, start: Flow, nll: float, log_prob: Tensor | None) -> None:
        """Keeps what a new flow is before its first epoch, so far as it is anything.

        Arguments:
            start: what is kept where no epoch is better.
            nll: of the held-out rows, under the flow that is trained.
            log_prob: of these rows, where that flow is a Gaussian yet.
        """
        # Layers that the first batch starts have no start of their own.
        if math.isfinite(nll) and all(bool(getattr(each, "initialized", True)) for each in start.modules()):
            self.best_nll, self.best = nll, snapshot(start)
        if log_prob is not None:
            self.start = log_prob

    def require_finite(self, losses: Sequence[float]) -> None:
        """Refuses an epoch with a loss that is not finite."""
        if not all(map(math.isfinite, losses)):
            raise TrainingError(
                f"epoch {self.epoch}: the loss is not finite; "
                + (f"the best is epoch {self.best_epoch}, NLL {self.best_nll:.4f}" if self.best else "nothing kept")
                + "; lower the learning rate, clip the gradient, or look for outliers in the data"
            )

    def judge(self, flow: Flow, nll: float, log_prob: Tensor, weights: Tensor | None) -> None:
        """Keeps a flow that is the best on held-out rows; the first to replace a Gaussian must be clearly better."""
        stays = self.best and self.best_epoch == 0 and len(self.start)
        if nll < self.best_nll and not (stays and not clearly_better(log_prob - self.start, weights)):
            self.best_epoch, self.best_nll, self.best = self.epoch, nll, snapshot(flow)


def fit(
    flow: Flow,
    x: object,
    context: object = None,
    *,
    weights: object = None,
    discrete: Sequence[str | int] = (),
    validation: float = 0.1,
    on_epoch: Callable[[Epoch], None] | None = None,
    compile: bool = False,
    progress: Literal["auto"] | bool = "auto",
    **training: object,
) -> History:
    """Trains a flow in memory by maximum likelihood, and leaves the best weights in it.

    A flow that has been trained, here, by a recipe or in a library that it was adopted from, is trained on: it starts
    at the density that it has, whose standardisation it keeps. A new one gets that of the training rows.

    Arguments:
        flow: the flow, new or trained.
        x: ``[rows, features]``, an array, a tensor, or a table with names (of pandas, polars or pyarrow, or a mapping
            of names to columns): a new flow takes its names, one that has names takes its columns by them. For images
            ``[rows, C, H, W]``, or ``[rows, H, W]`` of one channel, in whole numbers.
        context: ``[rows, context]`` where the flow has one; a table with names may hold labels of categories.
        weights: ``[rows]``, not negative.
        discrete: features of steps, such as whole numbers, by name or position: training adds noise of
            a step's width to them.
        validation: the fraction of rows held out for early stopping.
        on_epoch: called after every epoch.
        compile: whether steps are compiled with `torch.compile`; needs a C++ compiler.
        progress: whether to show it on standard error; ``"auto"`` where that is a terminal or the cell of a notebook.
        training: the fields of `TrainingSpec`: ``epochs``, ``batch_size``, ``learning_rate``, ….

    Returns:
        A list of the epochs, with their negative log-likelihoods in nats a row.

    Raises:
        ArgumentError: for an unknown or impossible training argument, or one that needs a compiler where there is none.
        DataError: for rows that cannot be trained on.
        TrainingError: where the loss is no longer finite; the flow then holds the best weights.

    Warns:
        DataWarning: for rows that no flow can fit well, with the cure.
    """
    spec = checked(training)
    if not 0 <= validation < 1:
        raise ArgumentError(f"expected a fraction in [0, 1), got {validation}", key="validation")
    if spec.dtype is not None:
        flow.to(getattr(torch, spec.dtype))
    x, context = features_by_name(flow, x), context_by_name(flow, context)
    columns = flow.feature_columns
    names = [str(columns[int(each)].name if each in range(len(columns)) else each) for each in discrete]
    rows = make_rows(as_vectors(flow, numbers("x", x)), context, weights, columns, flow.context_columns, names)
    require_fitting(flow, rows)
    for line in diagnosed(flow, rows):
        warnings.warn(line, DataWarning, stacklevel=2)
    training_rows, held_out = rows.split(validation, spec.seed)
    held_out = held_out_with_noise(flow, held_out, spec.seed)
    epochs = History()
    state = State()
    try:
        for epoch in shown(train(flow, training_rows, held_out, spec, state, compile), spec.epochs, progress):
            epochs.append(epoch)
            if on_epoch is not None:
                on_epoch(epoch)
    finally:
        if state.best:
            flow.load_state_dict(state.best)
        flow.eval()
    return epochs


def signature() -> inspect.Signature:
    """That of `fit`, with the fields of `TrainingSpec` in place of ``**training``."""
    own = inspect.signature(fit)
    parameters = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
    for each in msgspec.structs.fields(TrainingSpec):
        parameters.append(
            inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type)
        )
    return own.replace(parameters=parameters)


fit.__signature__ = signature()  # type: ignore[attr-defined]


def checked(training: dict[str, object]) -> TrainingSpec:
    """Keyword arguments as a training specification, held to the same rules as a recipe's."""
    try:
        return msgspec.convert(training, TrainingSpec)
    except msgspec.ValidationError as error:
        raise ArgumentError(with_choices(str(error), TrainingSpec)) from error


def train(
    flow: Flow, training: Rows, held_out: Rows, spec: TrainingSpec, state: State, compile: bool = False
) -> Iterator[Epoch]:
    """Trains epoch by epoch; after each, ``state`` is complete and can be saved.

    Torch's global generator is seeded inside and put back between epochs, so the caller's own stream of
    random numbers goes on undisturbed.
    """
    if flow.levels is not None and spec.noise:
        raise ArgumentError("is for vectors; the pixels of images get uniform noise, and no other", key="noise")
    batch = spec.rows_a_step(len(training))
    density = compiled_log_prob(flow, batch) if compile else flow.log_prob
    starts_as_gaussian = flow.whiten is not None and not flow.whiten.initialized
    if state.epoch:
        flow.load_state_dict(state.flow)
    else:
        start = start_of_all_rows(flow, training, held_out) if starts_as_gaussian else flow
        standardise(flow, training)
    averaged = copy.deepcopy(flow).requires_grad_(False) if spec.average else flow
    if spec.average:
        averaged.load_state_dict(state.average, strict=False)
    descent = Descent(flow, averaged, spec, spec.decay(len(training)))
    if state.epoch:
        descent.load(state.optimizer)
    rows = Batches.of(flow, training, batch)
    held = Held.of(flow, held_out if len(held_out) else training, spec.seed)
    threads = threads_of(flow, batch)
    if not state.epoch:
        with torch_threads(threads):
            log_prob, nll = held.score(flow)
        state.begin(start, nll, log_prob if starts_as_gaussian else None)
    while state.epoch < spec.epochs and not (spec.patience and state.epoch - state.best_epoch >= spec.patience):
        started = time.perf_counter()
        with torch_threads(threads), torch.random.fork_rng(devices=[]):
            if state.epoch:
                torch.set_rng_state(state.generator)
            else:
                torch.manual_seed(spec.seed)
            losses, norms = run_epoch(flow, averaged, descent, rows, spec, state.epoch * len(rows), density)
            generator = torch.get_rng_state()
            log_prob, nll = held.score(averaged)
        state.epoch += 1
        state.require_finite([*losses, nll])
        state.flow, state.optimizer, state.generator = snapshot(flow), descent.state(), generator
        if spec.average:
            state.average = {name: each.clone() for name, each in averaged.named_parameters()}
        state.judge(averaged, nll, log_prob, held.weights)
        seconds = time.perf_counter() - started
        yield Epoch(state.epoch, float(np.mean(losses)), nll, descent.rate, float(np.mean(norms)), seconds)


def threads_of(flow: Flow, batch: int) -> int:
    """How many threads a step takes."""
    # A convolution multiplies by its weights once for every pixel.
    largest = max(each.numel() for each in flow.parameters()) * math.prod(flow.event_shape[1:])
    return 1 if batch * largest <= SMALL_PRODUCT else torch.get_num_threads()


def snapshot(flow: Flow) -> dict[str, Tensor]:
    """A copy of a flow's state."""
    return {name: tensor.detach().clone() for name, tensor in flow.state_dict().items()}
