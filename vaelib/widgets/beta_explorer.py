"""One slider over models that were trained with different β."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

import torch
import traitlets
from torch import Tensor

from vaelib.models import VAE
from vaelib.objectives import elbo
from vaelib.plots import quantile_grid
from vaelib.randomness import seeded
from vaelib.sweep import Sweep
from vaelib.widgets.base import Pictured
from vaelib.widgets.pictures import Shape, float32
from vaelib.widgets.scene import Scene, scene_of, ticks
from vaelib.widgets.still import (
    SOFT,
    Still,
    draw_plane,
    draw_point,
    draw_sheet,
    figure,
)
from vaelib.widgets.subject import Subject, put, subject_of
from vaelib.widgets.traits import BadValue
from vaelib.widgets.travel import CannotTravel, evaluating

EXAMPLES, SAMPLES, SIDE, DOTS = 8, 25, 9, 1500
FARTHEST = 8.0  # with a small β a few codes lie far out: they stay at the edge
MOST = 16_000_000  # bytes of weights; more would make a page slow to open


class BetaExplorer(Pictured, front="beta_explorer"):
    """A slider over β, and all that a trained model shows at that β.

    Reconstructions of a few examples, decoded draws from the prior (the same
    draws for every β), the decoder's atlas where the codes are two-dimensional,
    the data's codes, and the point on the rate–distortion curve. All of it is
    decoded in the page.

    Args:
        models: what :func:`vaelib.sweep` returns, its ``models``, or a dict from
            β to model. Of several seeds, each β's first is shown.
        data: a ``Dataset``, a tensor ``(N, *data_shape)``, or a pair
            ``(x, labels)``; up to 1,500 of it become dots.
        table: rows with ``beta`` (and ``seed``), ``reconstruction`` and ``kl``
            per example in nats. Default: the sweep's own, else measured on
            these data.
        image_shape: ``(C, H, W)`` as which an example is drawn, if it is a vector.
        seed: of the choice of examples and of the draws.

    Traits:
        beta: the β now shown, one of ``betas``.

    Attributes:
        betas: all of them, from the smallest.
        rates, distortions: KL and −reconstruction of each, in nats.

    Raises:
        TypeError: for models that are no VAEs, or data of another kind.
        ValueError: for no models, models of different data or latent size,
            shapes that do not fit, NaN, and a table in which a β is missing.
        CannotTravel: if a decoder cannot be evaluated in the page.

    Example:
        >>> import torch, vaelib as vl
        >>> models = {b: vl.mlp_vae((1, 8, 8), 2, (8,)) for b in (0.5, 1.0, 4.0)}
        >>> explorer = BetaExplorer(models, torch.rand(50, 1, 8, 8))
        >>> explorer.beta = 4
    """

    beta = traitlets.Float().tag(sync=True)
    _stops: Any = traitlets.List().tag(sync=True)
    _page = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        models: Sweep | Mapping[Any, VAE],
        data: Any,
        *,
        table: Sequence[Mapping[str, float]] | None = None,
        image_shape: Shape | None = None,
        seed: int = 0,
    ):
        runs = _runs(models)
        if table is None and isinstance(models, Sweep):
            table = models.table
        self.betas = list(runs)
        self._subjects = _subjects(runs, data, image_shape, seed)
        points = [
            _measured(subject) if table is None else _looked_up(table, beta, run_seed)
            for (beta, (_, run_seed)), subject in zip(
                runs.items(), self._subjects, strict=True
            )
        ]
        self.rates, self.distortions = map(list, zip(*points, strict=True))
        self._format = self._subjects[0].format()
        self._rows = self._subjects[0].of_each(EXAMPLES)
        self._codes = [_codes(s, self._rows) for s in self._subjects]
        self._dims = _widest(self._subjects)
        self._planes = _planes(self._subjects, self._dims)
        stops = [self._stop(i) for i in range(len(runs))]
        _refuse_heavy(stops)
        start = 1.0 if 1.0 in runs else self.betas[len(runs) // 2]
        super().__init__(beta=start, _stops=stops, _page=self._common())

    def _stop(self, i: int) -> dict[str, Any]:
        """What the page needs of one model."""
        with _blamed(self.betas[i]):
            decoder = self._subjects[i].pack_decoder()
        plane = self._planes[i].to_page()
        return {
            "point": [self.betas[i], self.rates[i], self.distortions[i]],
            "decoder": decoder,
            "z": float32(torch.cat(self._codes[i])),
            "points": plane["points"],
            "marks": plane["marks"],
        }

    def _common(self) -> dict[str, Any]:
        """What is the same for all models."""
        limits = [_around(self.rates), _around(self.distortions)]
        return {
            "picture": asdict(self._format),
            "size": self._subjects[0].latent_dim,
            "counts": [len(codes) for codes in self._codes[0]],
            "originals": self._format.grey(self._originals()).numpy().tobytes(),
            "scene": {**self._planes[0].to_page(), "marks": []},
            "dims": self._dims,
            "limits": limits,
            "ticks": [ticks(*pair) for pair in limits],
        }

    def _originals(self) -> Tensor:
        return self._subjects[0].x[self._rows]

    @traitlets.validate("beta")
    def _check_beta(self, proposal: Any) -> float:
        beta: float = proposal["value"]
        if beta not in self.betas:
            known = ", ".join(f"{b:g}" for b in self.betas)
            raise BadValue(f"beta: got {beta:g}, wanted one of {known}")
        return beta

    def _still(self) -> Still:
        i = self.betas.index(self.beta)
        copies, draws, *atlas = map(self._subjects[i].decode, self._codes[i])
        fig, axes = figure(4 + len(atlas), 3.2)
        rebuilt = _alternating(self._originals(), copies)
        sheets = [(rebuilt, min(4, len(copies)), "examples, and rebuilt")]
        sheets += [(draws, 5, "decoded draws from the prior")]
        sheets += [(x, SIDE, "the latent plane, decoded") for x in atlas]
        for ax, (x, columns, words) in zip(axes, sheets, strict=False):
            draw_sheet(ax, x, columns, self._format, words)
        # No code is chosen here: a point that is NaN is not drawn.
        draw_plane(axes[-2], self._planes[i], (torch.nan, torch.nan))
        names = [f"$z_{{{d + 1}}}$" for d in self._dims] + [""]
        axes[-2].set(xlabel=names[0], ylabel=names[1])
        self._draw_curve(axes[-1], i)
        fig.suptitle(f"β = {self.beta:g}", fontsize=10)
        return fig, (
            f"One of {len(self.betas)} models, β = {self.beta:g}, rate "
            f"{self.rates[i]:.3g} nats, distortion {self.distortions[i]:.3g} nats: "
            "examples and their reconstructions, decoded draws from the prior, the "
            "data's codes, and the rate–distortion curve with this model marked"
        )

    def _draw_curve(self, ax: Any, i: int) -> None:
        ax.plot(self.rates, self.distortions, "o-", ms=4, color=SOFT)
        draw_point(ax, self.rates[i], self.distortions[i])
        ax.set(xlabel="rate: KL in nats", ylabel="distortion: −reconstruction in nats")
        ax.tick_params(labelsize=7, colors=SOFT)


def _alternating(above: Tensor, below: Tensor) -> Tensor:
    """Four of the one, then the four of the other that belong under them."""
    pairs = zip(above.split(4), below.split(4), strict=True)
    return torch.cat([part for pair in pairs for part in pair])


@contextmanager
def _blamed(beta: float) -> Iterator[None]:
    """Says of an error which model it is about."""
    try:
        yield
    except CannotTravel as error:
        raise CannotTravel(
            f"the model of β = {beta:g} cannot be evaluated in the page: {error}"
        ) from error
    except (TypeError, ValueError) as error:
        raise type(error)(f"β = {beta:g}: {error}") from error


def _runs(models: Any) -> dict[float, tuple[VAE, float | None]]:
    """Model and seed by β, in order of β."""
    found = models.models if isinstance(models, Sweep) else models
    if not isinstance(found, Mapping):
        raise TypeError(
            f"models: got {type(models).__name__}, wanted what vl.sweep returns, or a "
            "dict from β to model"
        )
    runs: dict[float, tuple[VAE, float | None]] = {}
    for key, model in found.items():
        beta, seed = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        if not isinstance(beta, int | float) or not (isfinite(beta) and beta >= 0):
            raise ValueError(f"models: got the key {key!r}, wanted a number β ≥ 0")
        if not isinstance(model, VAE):
            raise TypeError(
                f"models: β = {beta:g} has a {type(model).__name__}, wanted a vl.VAE"
            )
        runs.setdefault(float(beta), (model, seed))
    if not runs:
        raise ValueError("models: got none, wanted at least one")
    return dict(sorted(runs.items()))


def _subjects(
    runs: Mapping[float, tuple[VAE, float | None]],
    data: Any,
    image_shape: Shape | None,
    seed: int,
) -> list[Subject]:
    if data is None:
        raise ValueError("data: got None, wanted pictures to rebuild")
    subjects = []
    for beta, (model, _) in runs.items():
        with _blamed(beta):
            subject = subject_of(model, data, image_shape=image_shape, seed=seed)
        subjects.append(subject)
        sizes = [s.latent_dim for s in (subjects[0], subject)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"models: β = {beta:g} has latent_dim {sizes[1]}, the first "
                f"{sizes[0]}. Give models that differ in β only."
            )
    return subjects


def _measured(subject: Subject) -> tuple[float, float]:
    """Rate and distortion on the data shown."""
    with seeded(subject.seed), torch.no_grad(), evaluating(subject.model):
        parts = [
            elbo(subject.model, put(subject.model, x)) for x in subject.x.split(512)
        ]
    kl = torch.cat([e.kl for e in parts]).mean().item()
    return kl, -torch.cat([e.reconstruction for e in parts]).mean().item()


def _looked_up(
    table: Sequence[Mapping[str, float]], beta: float, seed: float | None
) -> tuple[float, float]:
    try:
        rows = [row for row in table if row["beta"] == beta]
        rows = [row for row in rows if seed is None or row.get("seed", seed) == seed]
        found = [(float(row["kl"]), -float(row["reconstruction"])) for row in rows]
    except (AttributeError, KeyError, TypeError) as error:
        raise TypeError(
            "table: wanted rows with beta, reconstruction and kl, as vl.sweep's has"
        ) from error
    if not found:
        raise ValueError(f"table: it has no row for β = {beta:g}")
    rate, distortion = found[0]
    if not (isfinite(rate) and isfinite(distortion)):
        raise ValueError(f"table: β = {beta:g} has a KL or reconstruction of NaN or ∞")
    return rate, distortion


def _codes(subject: Subject, rows: list[int]) -> list[Tensor]:
    """What is decoded: examples' codes, draws, and the plane, each ``(n, Z)``."""
    found = [subject.codes[rows], subject.spread()[:SAMPLES]]
    if subject.latent_dim == 2 and subject.standard_prior():
        grid, _ = quantile_grid(subject.model.prior, SIDE, 0.98)
        found.append(grid.float().cpu())
    return found


def _widest(subjects: list[Subject]) -> list[int]:
    """The two dimensions over which the codes are spread most, over all β."""
    spread = torch.stack([s.codes.var(0, False) for s in subjects])
    return sorted(spread.mean(0).topk(min(2, spread.shape[1])).indices.tolist())


def _planes(subjects: list[Subject], dims: list[int]) -> list[Scene]:
    """A plane per model, all with the same limits."""
    some = [subject.first(DOTS) for subject in subjects]
    planes = [scene_of(replace(s, codes=s.codes[:, dims])) for s in some]
    reach = max(abs(v) for p in planes for v in (*p.low, *p.high))
    half = min(reach, FARTHEST)
    numbers = ticks(-half, half)
    inside = 0.95 * half
    return [
        replace(
            plane,
            low=(-half, -half),
            high=(half, half),
            ticks=(numbers, numbers),
            marks=[
                (max(-inside, min(inside, x)), max(-inside, min(inside, y)), name)
                for x, y, name in plane.marks
            ],
        )
        for plane in planes
    ]


def _around(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.1 * max(high - low, 0.01 * abs(high), 1e-3)
    return low - room, high + room


def _refuse_heavy(stops: list[dict[str, Any]]) -> None:
    total = sum(len(stop["decoder"]["weights"]) for stop in stops)
    if total > MOST:
        raise CannotTravel(
            f"the {len(stops)} decoders have {total / 1e6:.0f} MB of weights, a page "
            f"takes {MOST / 1e6:.0f}. Give fewer or smaller models."
        )
