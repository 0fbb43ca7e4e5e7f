"""What an objective gives, by name."""

from typing import Any

from torch import Tensor

from vaelib.objectives import Elbo

Terms = tuple[Tensor, ...]


def as_terms(result: Elbo | Tensor) -> Terms:
    """The tensors ``(B,)`` an objective gave, the one to maximise first."""
    if isinstance(result, Elbo):
        return result[:3]
    if isinstance(result, Tensor):
        return (result,)
    raise TypeError(
        f"objective: gave a {type(result).__name__}, wanted an Elbo or a tensor (B,)"
    )


def named(means: list[float], name: str) -> dict[str, float]:
    """The terms' means by name."""
    if len(means) == 1:
        return {name: means[0]}
    value, reconstruction, kl = means
    return {
        "objective": value,
        "elbo": reconstruction - kl,
        "reconstruction": reconstruction,
        "kl": kl,
    }


def name_of(objective: Any) -> str:
    """What the objective is called in a history."""
    objective = getattr(objective, "func", objective)  # functools.partial
    name = getattr(objective, "__name__", "objective")
    return "objective" if name == "<lambda>" else str(name)
