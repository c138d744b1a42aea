"""Training by maximum likelihood: a recipe and rows in, a run folder out."""

from flowexport.flows import recorded

from . import gradients
from .checkpoint import Checkpoint, load_checkpoint
from .history import Epoch, History
from .loop import fit
from .recipe import Recipe, TrainingSpec, load_recipe
from .run import Outcome, train_recipe

__all__ = [
    "Checkpoint",
    "Epoch",
    "History",
    "Outcome",
    "Recipe",
    "TrainingSpec",
    "fit",
    "load_checkpoint",
    "load_recipe",
    "train_recipe",
]

recorded.use(gradients)
