"""What training went through: its epochs, as a list that says in short what it came to."""

from __future__ import annotations

__all__ = ["Epoch", "History"]

from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True)
class Epoch:
    """One line of ``metrics.csv``.

    Arguments:
        epoch: counted from 1.
        training_nll: mean over the epoch's steps, nats a row, in the data's units.
        validation_nll: on the held-out rows after the epoch (on the training rows if none are held out).
        learning_rate: at the epoch's end.
        gradient_norm: mean over its steps, before clipping.
        seconds: spent.
    """

    epoch: int
    training_nll: float
    validation_nll: float
    learning_rate: float
    gradient_norm: float
    seconds: float


class History(list[Epoch]):
    """The epochs of a training; its ``repr`` and the table that a notebook shows are short."""

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept: the first of the least held-out NLL."""
        return min(self, key=lambda epoch: epoch.validation_nll)

    def __repr__(self) -> str:
        if not self:
            return "History(no epochs)"
        return f"History({len(self)} epochs, best {self.best.epoch}: NLL {self.best.validation_nll:.4f} nats)"

    def _repr_html_(self) -> str:
        if not self:
            return "<p>no epochs</p>"
        rows = [self[0], *([self.best] if self.best is not self[0] else []), self[-1]]
        names = [field.name.replace("_", " ") for field in fields(Epoch)]
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{value:.4g}</td>" for value in astuple(row)) + "</tr>" for row in dict.fromkeys(rows)
        )
        return f"<p>{len(self)} epochs: the first, the best, the last</p><table><tr>{head}</tr>{body}</table>"
