"""Pictures: each carries a text, none leaves a trace in matplotlib's settings."""

import base64
import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch.distributions import Normal

import vaelib as vl
from vaelib import plots

MODEL = vl.mlp_vae((1, 8, 8), latent_dim=2, hidden=(16,))
DATA = vl.load("digits", n=60, device="cpu")
HISTORY = {
    "elbo": [-30.0, -25.0],
    "reconstruction": [-28.0, -22.0],
    "kl": [2.0, 3.0],
}

PICTURES: dict[str, Callable[[], plots.Picture]] = {
    "images": lambda: plots.images(DATA, 12, titles=list("abc"), title="Digits"),
    "reconstructions": lambda: plots.reconstructions(MODEL, DATA),
    "latent_scatter": lambda: plots.latent_scatter(MODEL, DATA),
    "manifold": lambda: plots.manifold(MODEL, 5),
    "samples": lambda: plots.samples(MODEL, 7),
    "history": lambda: plots.history(HISTORY),
    "evidence": lambda: plots.evidence(GRID, linear_joint(), MU, SIGMA),
}
every_picture = pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a notebook would be sent."""
    shell = InteractiveShell.instance()
    capture = CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", capture)
    return capture.outputs  # type: ignore[no-any-return]


@every_picture
def test_a_picture_carries_a_sentence_and_is_sent_with_it(
    make: Callable[[], plots.Picture], shown: list[dict[str, Any]]
) -> None:
    picture = make()
    plots.show(picture)
    (output,) = shown
    assert output["metadata"]["image/png"]["alt"] == picture.alt
    assert len(picture.alt.split()) > 4
    assert picture.alt.endswith(".")
    assert f'alt="{picture.alt}"' in output["data"]["text/html"]
    assert output["data"]["text/plain"] == picture.alt


@every_picture
def test_a_picture_is_drawn_on_a_white_card(make: Callable[[], Any]) -> None:
    data, _ = make()._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
    corners = {image.getpixel(at) for at in [(0, 0), (image.width - 1, 0)]}
    assert corners == {(255, 255, 255)}
    assert min(image.getextrema()[0]) < 100, "nothing was drawn"


@every_picture
def test_a_picture_changes_no_settings(make: Callable[[], Any]) -> None:
    before = dict(mpl.rcParams)
    make()._repr_mimebundle_()
    assert dict(mpl.rcParams) == before


@every_picture
def test_a_picture_is_the_same_twice(make: Callable[[], Any]) -> None:
    assert make()._repr_mimebundle_() == make()._repr_mimebundle_()


@pytest.mark.parametrize("name", ["latent_scatter", "history"])
def test_axes_are_named(name: str) -> None:
    for ax in PICTURES[name]().axes:
        assert ax.get_xlabel()
        assert ax.get_ylabel()


def test_history_is_in_nats_and_knows_other_objectives() -> None:
    assert all("nats" in ax.get_ylabel() for ax in plots.history(HISTORY).axes)
    other = plots.history({"log_likelihood": [-3.0, -2.0]})
    assert "log_likelihood from -3.0 to -2.0" in other.alt
    with pytest.raises(ValueError, match="no epoch"):
        plots.history({"elbo": []})


def test_classes_are_labelled_in_the_picture() -> None:
    (ax,) = plots.latent_scatter(MODEL, DATA).axes
    assert {t.get_text() for t in ax.texts} == set("0123456789")
    assert len(set(plots.CLASS_COLOURS)) == 10


def test_a_class_has_the_same_colour_in_pictures_and_widgets() -> None:
    from vaelib.widgets import LatentPad

    scene = LatentPad(MODEL, DATA)._scene
    assert list(scene["colours"]) == list(plots.CLASS_COLOURS)


def test_data_without_labels_can_be_scattered() -> None:
    unlabelled = vl.Dataset("some", "train", DATA.x)
    (ax,) = plots.latent_scatter(MODEL, unlabelled).axes
    assert not ax.texts


def test_the_manifold_runs_through_the_priors_quantiles() -> None:
    z, ticks = plots.quantile_grid(MODEL.prior, 3, 0.9)
    side = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor([0.05, 0.5, 0.95]))
    np.testing.assert_allclose(ticks[0], side, atol=1e-6)
    torch.testing.assert_close(z[0], torch.stack([side[0], side[2]]))  # top left
    torch.testing.assert_close(z[-1], torch.stack([side[2], side[0]]))


def test_samples_follow_their_seed() -> None:
    before = torch.get_rng_state()
    first, again, other = (
        plots.samples(MODEL, 4, seed=seed)._repr_mimebundle_()[0]["image/png"]
        for seed in (0, 0, 1)
    )
    assert first == again != other
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: plots.images(torch.zeros(3, 8, 8)), "grey pictures"),
        (lambda: plots.images(torch.zeros(0, 1, 8, 8)), "at least 1"),
        (lambda: plots.manifold(vl.mlp_vae((1, 8, 8), 3)), "latent_dim=2"),
        (
            lambda: plots.latent_scatter(vl.mlp_vae((1, 8, 8), 1), DATA),
            "a plane needs two",
        ),
    ],
)
def test_bad_input_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


# ------------------------------------------------------------------------- show


@pytest.mark.parametrize("alt", [None, "", "Short one", "onewordbutverylongindeed"])
def test_no_sentence_no_figure(alt: str | None) -> None:
    picture, _ = plots.figure()
    with pytest.raises(ValueError, match=r"alt: .*Say in a sentence"):
        plots.show(picture, alt)


@pytest.mark.parametrize(
    ("thing", "mend"),
    [
        (plots.figure()[1], r"vl\.show\(ax\.figure\)"),
        (plots.figure(), "Take it out first"),
        (torch.zeros(1, 1, 2, 2), r"vl\.plots\.images\(x\)"),
        ("figure.png", "wanted a matplotlib Figure"),
    ],
)
def test_only_figures_are_shown(thing: Any, mend: str) -> None:
    with pytest.raises(TypeError, match=mend):
        plots.show(thing, alt="A sentence that is long enough.")


def test_ones_own_text_goes_first_and_is_escaped(shown: list[dict[str, Any]]) -> None:
    text = 'The "loss" falls below <1> nat.'
    plots.show(plots.history(HISTORY), alt=text)
    assert shown[0]["metadata"]["image/png"]["alt"] == text
    assert "&quot;loss&quot; falls below &lt;1&gt;" in shown[0]["data"]["text/html"]


def test_a_plain_figure_and_a_pyplot_figure_are_shown_once(
    shown: list[dict[str, Any]],
) -> None:
    import matplotlib.pyplot as plt

    text = "Empty axes, for want of anything to draw."
    plots.show(Figure(), alt=text)
    fig, _ = plt.subplots()
    plots.show(fig, alt=text)
    assert len(shown) == 2
    assert not plt.fignum_exists(fig.number)


# ---------------------------------------------------------------------- anatomy


def test_the_anatomy_tells_the_nats_of_both_terms() -> None:
    x = DATA.x[:1]
    picture = plots.anatomy(MODEL, x, seed=3)
    with vl.seeded(3):
        terms = vl.elbo(MODEL, x)
    kl, missed = terms.kl.item(), -terms.reconstruction.item()
    assert f"KL costs {kl:.1f} nats" in picture.alt
    assert f"reconstruction {missed:.0f}, together {kl + missed:.0f}" in picture.alt
    words = " ".join(t.get_text() for ax in picture.axes for t in ax.texts)
    assert f"{kl:.1f} nats" in words
    assert f"{missed:.0f} nats" in words
    (mark,) = (line for ax in picture.axes for line in ax.lines)
    with vl.seeded(3):
        z = MODEL.posterior(x).sample()[0]
    assert (*mark.get_xdata(), *mark.get_ydata()) == pytest.approx(z.tolist())


def test_the_anatomy_is_of_one_picture_and_says_it_in_other_words() -> None:
    assert plots.anatomy(MODEL, DATA.x[0]).alt == plots.anatomy(MODEL, DATA.x[:1]).alt
    other = plots.anatomy(MODEL, DATA.x[:1], words={"encoder": "Encodierer"})
    assert "Encodierer" in [t.get_text() for ax in other.axes for t in ax.texts]
    with pytest.raises(ValueError, match=r"x: got 2 pictures, wanted one"):
        plots.anatomy(MODEL, DATA.x[:2])
    with pytest.raises(ValueError, match="one dimension"):
        plots.anatomy(vl.mlp_vae((1, 8, 8), 1, (8,)), DATA.x[:1])


# -------------------------------------------------------------------- densities


def test_a_mixture_s_parts_add_up_to_its_sum() -> None:
    pi, mu, sigma = torch.tensor([[0.3, 0.7], [-2.0, 1.0], [0.5, 1.5]])
    picture = plots.mixture(torch.linspace(-4, 5, 60), pi, mu, sigma, "size / m")
    (ax,) = picture.axes
    *parts, total = (np.asarray(line.get_ydata()) for line in ax.lines)
    assert len(parts) == 2
    assert np.allclose(sum(parts), total)
    x = torch.tensor(np.asarray(ax.lines[0].get_xdata()))
    wanted = pi[1] * torch.distributions.Normal(mu[1], sigma[1]).log_prob(x).exp()
    assert np.allclose(parts[1], wanted.numpy(), atol=1e-6)
    assert ax.get_xlabel() == "size / m"
    assert "means at -2.0, 1.0" in picture.alt


def test_samples_that_hit_the_posterior_are_counted() -> None:
    z = torch.linspace(-4, 4, 801)
    prior, posterior = (
        torch.distributions.Normal(m, s).log_prob(z).exp()
        for m, s in ((0.0, 1.0), (1.0, 0.1))
    )
    # 95 % of N(1, 0.1²) lie within 0.196 of 1.
    draws = torch.tensor([-1.0, 0.79, 0.82, 1.0, 1.18, 1.21, 9.0])
    picture = plots.prior_and_posterior(z, prior, posterior, draws)
    assert "Of 7 samples from the prior 3 fall" in picture.alt
    assert "near z = 1.0" in picture.alt
    other = plots.prior_and_posterior(z, prior, posterior, draws, words={"title": "T"})
    assert other.get_suptitle() == "T"


# ------------------------------------------------------------------------ pulls


def _curve(ax: Any, nth: int) -> tuple[torch.Tensor, torch.Tensor]:
    line = ax.lines[nth]
    return torch.tensor(np.asarray(line.get_xdata())), torch.tensor(
        np.asarray(line.get_ydata())
    )


def test_the_pulls_are_both_terms_of_the_loss() -> None:
    model, x, dim = vl.mlp_vae((1, 8, 8), latent_dim=3, hidden=(16,)), DATA.x[:1], 1
    picture = plots.pulls(model, x, dim, seed=5)
    q = model.posterior(x)
    with vl.seeded(5):
        half = torch.randn(128, 3)
    noise = torch.cat([half, -half])
    for ax, which in zip(picture.axes, ("mu", "sigma"), strict=True):
        for nth in (0, 40, 100):
            at, missed = _curve(ax, 0)
            place = {"mu": q.mean[0].clone(), "sigma": q.stddev[0].clone()}
            places, losses = [], []
            for k in (nth, nth + 5):
                place[which][dim] = at[k]
                places.append(at[k])
                z = place["mu"] + place["sigma"] * noise
                losses.append(-model.likelihood(z).log_prob(x).mean())
            wanted = (losses[1] - losses[0]).item()
            assert (missed[nth + 5] - missed[nth]).item() == pytest.approx(
                wanted, abs=1e-3
            )
            kl = _curve(ax, 1)[1]
            pair = torch.stack(places)
            if which == "mu":
                exact = 0.5 * (pair[1] ** 2 - pair[0] ** 2)
            else:
                each = 0.5 * (pair**2 - 1 - 2 * pair.log())
                exact = each[1] - each[0]
            assert (kl[nth + 5] - kl[nth]).item() == pytest.approx(
                exact.item(), abs=1e-4
            )
        total = _curve(ax, 2)[1]
        both = _curve(ax, 0)[1] + _curve(ax, 1)[1]
        assert torch.allclose(total, both - both.min(), atol=1e-3)
    width = q.stddev[0, dim].item()
    chosen = [_curve(ax, 3)[0][0].item() for ax in picture.axes]
    assert chosen == pytest.approx([q.mean[0, dim].item(), width])
    assert f"the encoder chose {width:.2f}." in picture.alt


def test_the_pulls_are_of_one_example_and_say_it_in_other_words() -> None:
    other = plots.pulls(MODEL, DATA.x[:1], 0, words={"kl": "KL-Divergenz"})
    labels = [t.get_text() for t in other.legends[0].get_texts()]
    assert "KL-Divergenz" in labels
    with pytest.raises(ValueError, match=r"x: got 2 examples, wanted one"):
        plots.pulls(MODEL, DATA.x[:2], 0)
    with pytest.raises(ValueError, match=r"dim: got 2, wanted one of 0 … 1"):
        plots.pulls(MODEL, DATA.x[:1], 2)


# ------------------------------------------------------------------- projection


def test_points_stand_at_right_angles_to_their_projections() -> None:
    x = torch.tensor([[0.0, 0.0], [4.0, 0.0], [2.0, 3.0]])
    picture = plots.projection(x, torch.tensor([[2.0, 0.0], [1.0, 1.0]]))
    feet = [np.asarray(ax.lines[-1].get_xydata()) for ax in picture.axes]
    assert np.allclose(feet[0], [[0, 1], [4, 1], [2, 1]])
    gaps, along = feet[1] - x.numpy(), np.array([1, 1])
    assert np.allclose(gaps @ along, 0, atol=1e-12)
    assert np.allclose(feet[1].mean(0), [2, 1])
    assert "Mean squared distance for line 1: 2." in picture.alt
    error = (gaps**2).sum(1).mean()
    assert f"Mean squared distance for line 2: {error:.3g}." in picture.alt
    assert f"error {error:.3g}" in picture.axes[1].get_title()


def test_a_projection_has_names_labels_and_other_words() -> None:
    x, lines = torch.randn(5, 2), torch.eye(2)[:1]
    words = {"panel": "{name}: Fehler {error:.1f}"}
    picture = plots.projection(x, lines, ["flach"], ("oben", "unten"), words=words)
    (ax,) = picture.axes
    assert ax.get_title().startswith("flach: Fehler ")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("oben", "unten")
    assert "Mean squared distance for flach" in picture.alt


def test_a_projection_needs_a_plane_and_a_direction() -> None:
    x = torch.randn(5, 2)
    with pytest.raises(ValueError, match=r"x: got shape \(5, 3\), wanted \(N, 2\)"):
        plots.projection(torch.randn(5, 3), torch.eye(2))
    with pytest.raises(ValueError, match="directions: one has length 0"):
        plots.projection(x, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="names: got 1 for 2 lines"):
        plots.projection(x, torch.eye(2), ["one"])


# --------------------------------------------------------------------- evidence

GRID = torch.linspace(-12, 12, 4801, dtype=torch.float64)
MU, SIGMA = torch.tensor([[0.2, 1.2], [0.8, 0.2**0.5]], dtype=torch.float64)


def linear_joint() -> torch.Tensor:
    """log p(x = 1.5, z) for x = z + ½ε: log p(x) = log N(1.5; 0, 1.25)."""
    normal = torch.distributions.Normal
    seen = normal(GRID, 0.5).log_prob(torch.tensor(1.5, dtype=torch.float64))
    joint: torch.Tensor = seen + normal(0.0, 1.0).log_prob(GRID)
    return joint


def test_every_column_ends_at_log_p() -> None:
    picture = plots.evidence(GRID, linear_joint(), MU, SIGMA)
    total = -0.5 * (np.log(2 * np.pi * 1.25) + 1.5**2 / 1.25)
    # KL of N(0.2, 0.64) and of the posterior itself from N(1.2, 0.2).
    gaps = [0.5 * (0.64 / 0.2 + 1 / 0.2 - 1 + np.log(0.2 / 0.64)), 0.0]
    bars = [bar for bar in picture.axes[1].patches if isinstance(bar, Rectangle)]
    for lower, upper, gap in zip(bars[::2], bars[1::2], gaps, strict=True):
        assert lower.get_y() + lower.get_height() == pytest.approx(total - gap)
        assert upper.get_y() == pytest.approx(total - gap)
        assert upper.get_height() == pytest.approx(gap, abs=1e-9)
    assert f"gaps are {gaps[0]:.2f}, 0.00" in picture.alt
    assert f"log p(x) = {total:.2f} nats" in picture.alt


def test_the_evidence_in_other_words_and_what_it_refuses() -> None:
    mu, sigma = torch.tensor([[1.2], [0.5]], dtype=torch.float64)
    other = plots.evidence(GRID, linear_joint(), mu, sigma, words={"unit": "Nats"})
    assert other.axes[1].get_ylabel() == "Nats"
    with pytest.raises(ValueError, match="names: got 0 for 1"):
        plots.evidence(GRID, linear_joint(), mu, sigma, ())
    with pytest.raises(ValueError, match="does not fit"):
        plots.evidence(GRID, linear_joint(), mu + 12, sigma)


# ----------------------------------------------------------------- latent space


def test_two_latent_spaces_stand_side_by_side() -> None:
    other = vl.mlp_vae((1, 8, 8), 2, (16,), seed=1)
    codes = MODEL.encode(DATA.x).detach(), 3 * other.encode(DATA.x).detach()
    samples = torch.tensor([[[3.0, 1.0], [0.0, 5.0]], [[-9.0, 0.5], [2.0, 2.0]]])
    models = MODEL, other
    picture = plots.regular_and_irregular(models, codes, tuple(samples), DATA.labels)
    for i, ax in enumerate(picture.axes[:2]):
        marks = [(t.get_text(), *t.get_position()) for t in ax.texts]
        assert marks == [(str(k + 1), *at) for k, at in enumerate(samples[i].tolist())]
        dots = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections])
        assert np.allclose(np.sort(dots, 0), codes[i].sort(0).values.numpy())
        low, high = ax.get_xlim()
        assert low < samples[i, :, 0].min()
        assert samples[i, :, 0].max() < high
        away = torch.cdist(samples[i], codes[i]).amin(1)
        assert f"{away.min():.2f} to {away.max():.2f} away" in picture.alt
        (strip,) = picture.axes[2 + i].images
        painted = models[i].decode(samples[i]).detach()[0, 0].clamp(0, 1)
        tile = np.asarray(strip.get_array())[-8:, 1:9]
        assert np.allclose(tile, painted.numpy(), atol=1e-6)


def test_latent_spaces_have_other_names_and_lie_on_a_plane() -> None:
    z, some = torch.randn(2, 9, 2), torch.zeros(2, 3, 2)
    words = {"names": ("links", "rechts"), "title": "T"}
    models = MODEL, MODEL
    picture = plots.regular_and_irregular(models, tuple(z), tuple(some), words=words)
    assert [ax.get_title() for ax in picture.axes[:2]] == ["links", "rechts"]
    assert picture.get_suptitle() == "T"
    assert "Links: the dots" in picture.alt
    with pytest.raises(ValueError, match=r"samples: got \(3, 4\), wanted \(N, 2\)"):
        plots.regular_and_irregular(models, tuple(z), (some[0], torch.zeros(3, 4)))


# --------------------------------------------------- the exchange, the turned axes


def test_each_point_of_the_exchange_has_its_slope_and_picture() -> None:
    betas = (1.0, 4.0, 9.0)
    rate, distortion = torch.tensor([5.0, 3.0, 0.5]), torch.tensor([90.0, 95.0, 110.0])
    picture = plots.exchange(betas, rate, distortion, DATA.x[:3])
    (ax,) = picture.axes
    ends = [np.asarray(line.get_xydata()) for line in ax.lines]
    slopes = [np.diff(e[:, 1]) / np.diff(e[:, 0]) for e in ends if len(e) == 2]
    assert np.concatenate(slopes) == pytest.approx([-b for b in betas], rel=1e-4)
    labels = [t.get_text() for t in ax.texts]
    assert labels == ["β = 1", "β = 4", "β = 9"]
    assert "At β = 1 the rate is 5.0 and the distortion 90 nats" in picture.alt
    assert "at β = 9 they are 0.5 and 110" in picture.alt
    tiles = [a for a in ax.artists if hasattr(a, "xy")]
    assert [tuple(a.xy) for a in tiles] == [(5.0, 90.0), (3.0, 95.0), (0.5, 110.0)]
    with pytest.raises(ValueError, match=r"got \(3, 3, 3, 2\)"):
        plots.exchange(betas, rate, distortion, DATA.x[:2])
    other = plots.exchange(
        betas, rate, distortion, DATA.x[:3], words={"title": "Tausch"}
    )
    assert other.get_suptitle() == "Tausch"


def test_a_turned_posterior_loses_what_theory_says() -> None:
    from matplotlib.patches import Ellipse

    side = torch.linspace(-1.0, 1.0, 3)
    places = torch.cartesian_prod(side, side)
    picture = plots.rotated_axes(DATA.x[:9], places, (0.1, 0.5))
    a, b = 1 / 0.1**2, 1 / 0.5**2  # precisions; lesson 06 has the formula
    lost = float(np.log((a + b) / 2) - np.log(a * b) / 2)
    assert f"loses {lost:.2f} nats" in picture.alt
    left, right = picture.axes
    rings = [p for p in right.patches if isinstance(p, Ellipse)]
    # At two standard deviations: 4 σ across.
    assert [(r.width, r.height, r.angle) for r in rings] == [
        pytest.approx((0.4, 2.0, 45)),
        pytest.approx((4 / ((a + b) / 2) ** 0.5,) * 2 + (0,)),
    ]
    middles = [
        [np.mean(image.get_extent()[:2]), np.mean(image.get_extent()[2:])]
        for ax in (left, right)
        for image in ax.images
    ]
    straight, turned = torch.tensor(np.array(middles)).view(2, 9, 2)
    assert torch.allclose(straight, places.double(), atol=1e-6)
    assert torch.allclose(turned.norm(dim=1), straight.norm(dim=1), atol=1e-6)
    assert turned[5] == pytest.approx([-(0.5**0.5), 0.5**0.5])  # (0, 1), turned
    with pytest.raises(ValueError, match=r"places: got shape \(9, 1\)"):
        plots.rotated_axes(DATA.x[:9], places[:, :1], (0.1, 0.5))


# -------------------------------------------------------------------- one pixel


def test_one_pixel_s_densities_and_probabilities() -> None:
    shape = (1, 4, 5)
    heads = {
        "Gaussian": vl.GaussianHead(shape, 0.2),
        "continuous": vl.ContinuousBernoulliHead(shape),
        "Bernoulli": vl.BernoulliHead(shape),
        "levels": vl.CategoricalHead(shape, 5),
    }
    with vl.seeded(0):
        features = {n: torch.randn(1, *h.in_shape) for n, h in heads.items()}
        x = torch.rand(shape)
    made = {n: head(features[n]) for n, head in heads.items()}
    picture = plots.one_pixel(x, made, (2, 3))
    above, below = np.array(picture.axes).reshape(2, 4)
    shown = above[2].images[0].get_array()
    assert torch.allclose(torch.tensor(np.asarray(shown)), made["Bernoulli"].mean[0, 0])
    assert above[0].patches[0].get_xy() == (2.5, 1.5)  # column 3, row 2
    mean = features["Gaussian"][0, 0, 2, 3]
    line = torch.tensor(np.asarray(below[0].lines[0].get_xydata()))
    wanted = Normal(mean, 0.2).log_prob(line[:, 0]).exp()
    assert torch.allclose(line[:, 1], wanted, atol=1e-3)
    on_unit = np.asarray(below[1].lines[0].get_xydata())
    assert (on_unit[:, 0].min(), on_unit[:, 0].max()) == (0, 1)
    assert np.trapezoid(on_unit[:, 1], on_unit[:, 0]) == pytest.approx(1, abs=1e-3)
    for ax, n in ((below[2], 2), (below[3], 5)):
        heights = [bar.get_height() for bar in ax.patches]
        assert len(heights) == n
        assert sum(heights) == pytest.approx(1, abs=1e-5)
    p = features["Bernoulli"][0, 0, 2, 3].sigmoid().item()
    assert below[2].patches[1].get_height() == pytest.approx(p, abs=1e-6)
    assert f"whose own value is {x[0, 2, 3]:.2f}" in picture.alt
    with pytest.raises(ValueError, match="likelihoods: got shapes"):
        plots.one_pixel(x[:, :3], made, (2, 3))
    with pytest.raises(ValueError, match="likelihoods: got shapes"):
        plots.one_pixel(x, {}, (2, 3))


# ------------------------------------------------------------------- bottleneck


def test_the_bottleneck_shows_each_layer_s_width_and_the_error() -> None:
    with vl.seeded(0):
        model = vl.Autoencoder(
            vl.MLP((1, 8, 8), (20, 20, 5), 2), vl.MLP(2, (7,), (1, 8, 8))
        )
    x = DATA.x[:1]
    picture = plots.bottleneck(model, x)
    _, layers, _ = picture.axes
    told = [t.get_text() for t in layers.texts if t.get_text().isdigit()]
    assert told == ["64", "20", "20", "5", "2", "7", "64"]
    heights = [bar.get_height() for bar in layers.patches if hasattr(bar, "get_height")]
    assert min(heights) == heights[4]
    assert heights[0] == heights[-1] == max(heights)
    error = (model.reconstruct(x) - x).pow(2).sum().item()
    assert f"squared error is {error:.1f}" in picture.alt
    z = ", ".join(f"{v:.1f}" for v in model.encode(x)[0].tolist()).replace("-", "−")
    assert f"the code, ({z})" in picture.alt
    assert z in layers.get_xlabel()


def test_the_bottleneck_takes_any_networks_one_picture_and_other_words() -> None:
    class Whole(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :4]

    model = vl.Autoencoder(Whole(), vl.MLP(4, (), (1, 8, 8)))
    picture = plots.bottleneck(model, DATA.x[0], words={"encoder": "Encodierer"})
    words = [t.get_text() for t in picture.axes[1].texts]
    assert "Encodierer" in words
    assert [w for w in words if w.isdigit()] == ["64", "4", "64"]
    assert ", …)" in picture.axes[1].get_xlabel()
    with pytest.raises(ValueError, match=r"x: got 2 pictures, wanted one"):
        plots.bottleneck(model, DATA.x[:2])


# ------------------------------------------------------------------- two graphs


def test_the_two_graphs_tell_which_gradients_arrive() -> None:
    x = DATA.x[:1]
    picture = plots.two_graphs(MODEL, x, seed=4)
    q = MODEL.posterior(x)
    with vl.seeded(4):
        noise = torch.randn(1, 2)
    z = q.mu + (0.5 * q.log_var).exp() * noise
    worth = MODEL.likelihood(z).log_prob(x).sum()
    found = torch.autograd.grad(worth, (z, q.mu, q.log_var))
    at_z, at_mu, at_log_var = (f"{g.norm():.1f}" for g in found)
    assert f"with length {at_z} and stops there" in picture.alt
    assert f"to μ with {at_mu} and to log σ² with {at_log_var}" in picture.alt
    upper, lower = ([t.get_text() for t in ax.texts] for ax in picture.axes)
    assert upper.count("no gradient") == 2
    assert "no gradient" not in lower
    assert "stops here" in upper
    assert "stops here" not in lower
    assert {at_z, at_mu, at_log_var} <= set(lower)


def test_the_two_graphs_are_of_one_example_and_say_it_in_other_words() -> None:
    other = plots.two_graphs(MODEL, DATA.x[:1], words={"stops": "hier endet er"})
    assert "hier endet er" in [t.get_text() for t in other.axes[0].texts]
    with pytest.raises(ValueError, match=r"x: got 2 examples, wanted one"):
        plots.two_graphs(MODEL, DATA.x[:2])


# ---------------------------------------------------------------------- network maps


def test_blocks_are_as_high_as_maps_and_carry_their_shapes() -> None:
    from vaelib.layers.receptive import stages

    model = vl.conv_vae((1, 8, 8), 2, 5, patch=2).eval()
    made = stages(DATA.x[:1], model.encoder, model.decoder)
    code = next(k for k, s in enumerate(made) if s.shape == (2,))
    picture = plots.network_maps(made, code)
    (ax,) = picture.axes
    fronts = [p.get_height() for p in ax.patches if isinstance(p, Rectangle)]
    maps = [s for s in made if len(s.shape) == 3]
    assert [h for h in fronts if h != 0.6] == [s.shape[1] / 8 for s in maps]
    texts = [t.get_text() for t in ax.texts]
    shapes = ["×".join(map(str, s.shape)) for s in made]
    assert [t for t in texts if t in shapes] == shapes
    total = sum(p.numel() for p in model.encoder.parameters())
    assert f"encoder: {total:,} parameters" in texts
    shown = np.asarray(ax.images[-1].get_array())
    assert np.allclose(shown, model.reconstruct(DATA.x[:1]).detach()[0, 0])
    assert "a code of 2 numbers" in picture.alt
    with pytest.raises(ValueError, match="wanted pictures"):
        plots.network_maps(made[: code + 1], code)
    with pytest.raises(ValueError, match="and code 0, wanted pictures"):
        plots.network_maps(made, 0)
    other = plots.network_maps(made, code, words={"title": "Karten"})
    assert other.get_suptitle() == "Karten"
