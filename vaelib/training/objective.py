"""What is maximised: how an objective is called, and what it gives, by name."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from vaelib.objectives import Annealed, Elbo, elbo, iwae

Result = Elbo | Tensor | Mapping[str, Tensor]
Objective = Callable[..., Result]
Terms = dict[str, Tensor]


def as_terms(result: Result, name: str) -> Terms:
    """The tensors ``(B,)`` an objective gave, the one to maximise first.

    Args:
        result: an ``Elbo``, a tensor, or tensors by name.
        name: what to call a tensor alone.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(result, Elbo):
        return result.terms()
    if isinstance(result, Tensor):
        return {name: result}
    if isinstance(result, Mapping) and result:
        if all(isinstance(term, Tensor) for term in result.values()):
            return dict(result)
        result = next(t for t in result.values() if not isinstance(t, Tensor))
    raise TypeError(
        f"objective: gave a {type(result).__name__}, wanted an Elbo, a tensor (B,), or "
        "a dict of such tensors by name, the one to maximise first"
    )


def name_of(objective: Any) -> str:
    """What the objective is called in a history."""
    name = getattr(_innermost(objective), "__name__", "objective")
    return "objective" if name == "<lambda>" else str(name)


def is_bound(objective: Objective) -> bool:
    """Whether this is one of our own bounds, which know of no condition."""
    return _innermost(objective) in (elbo, iwae)


def for_model(objective: Objective, model: nn.Module, tensors: int) -> Objective:
    """The objective as it is called with the model and a batch of ``tensors``.

    One of our own bounds is asked about ``model.given(c)``, c being what the
    batch holds beside x: one tensor, or a tuple of several.

    Raises:
        ValueError: if a bound would need a condition and there is none, or there
            is one that nobody takes.
    """
    if isinstance(objective, Annealed):
        return objective.around(for_model(objective.objective, model, tensors))
    if not is_bound(objective):
        return objective
    if hasattr(model, "given"):
        if tensors == 1:
            raise ValueError(
                f"data: got x alone, but a {type(model).__name__} needs a condition. "
                "Pass fit(model, (x, c)), or a Dataset with a context."
            )
        return partial(_given, objective)
    if tensors > 1:
        raise ValueError(
            f"data: got {tensors} tensors, but {name_of(objective)} of a "
            f"{type(model).__name__} takes x alone. For a condition use a "
            "ConditionalVAE; for a target say what it is for: "
            "objective=lambda model, x, y: vl.elbo(model, x, target=y)."
        )
    return objective


def _given(
    objective: Objective, model: Any, x: Tensor, *condition: Tensor, **options: float
) -> Result:
    c = condition[0] if len(condition) == 1 else condition
    return objective(model.given(c), x, **options)


def _innermost(objective: Any) -> Any:
    while isinstance(objective, partial | Annealed):
        if isinstance(objective, Annealed):
            objective = objective.objective
        else:
            objective = objective.func
    return objective
