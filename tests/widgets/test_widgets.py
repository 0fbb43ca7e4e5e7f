"""The widgets' Python side: what they accept, what they keep, what they answer."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import vaelib as vl
from vaelib.widgets import DrawAndEncode, LatentPad, LatentSliders
from vaelib.widgets.draw_and_encode import _strokes
from vaelib.widgets.scene import nice, scene_of, slider_ranges
from vaelib.widgets.subject import subject_of

SHAPE = (1, 8, 8)
ALL = [LatentPad, LatentSliders, DrawAndEncode]


@pytest.fixture(scope="module")
def model() -> vl.VAE:
    return vl.mlp_vae(SHAPE, 2, (16,))


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(60, *SHAPE, generator=generator), torch.arange(60) % 3


def autoencoder(size: int = 2) -> vl.Autoencoder:
    return vl.Autoencoder(vl.MLP(SHAPE, (16,), size), vl.MLP(size, (16,), SHAPE))


class Duck:
    """Not a module at all: only the two methods."""

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :2]

    def decode(self, z: Tensor) -> Tensor:
        return z.sum(1)[:, None, None, None].expand(-1, *SHAPE)


# --------------------------------------------------------------- what it accepts


@pytest.mark.parametrize("widget", ALL)
@pytest.mark.parametrize("what", ["vae", "autoencoder", "conv", "duck"])
def test_any_model_that_encodes_and_decodes(widget: Any, what: str, data: Any) -> None:
    models = {
        "vae": vl.mlp_vae(SHAPE, 2, (16,), "categorical", levels=5),
        "autoencoder": autoencoder(),
        "conv": vl.conv_vae(SHAPE, 2, 4),
        "duck": Duck(),
    }
    shown = widget(models[what], data)
    assert len(shown.z) == 2
    travels = what != "duck"
    assert ("weights" in shown._decoder) == travels
    assert ("why" in shown._decoder) != travels


@pytest.mark.parametrize("widget", ALL)
def test_data_comes_in_several_forms(widget: Any, model: Any, data: Any) -> None:
    x, labels = data
    forms = [None, x, x.numpy(), (x, labels), [x, labels.numpy()]]
    forms.append(vl.Dataset("mine", "train", x, labels))
    for form in forms:
        assert len(widget(model, form).z) == 2


def test_vectors_are_drawn_as_squares(data: Any) -> None:
    flat = vl.mlp_vae(64, 2, (8,))
    assert LatentPad(flat, data[0].flatten(1))._picture["shape"] == (1, 8, 8)
    odd = vl.mlp_vae(7, 2, (8,))
    assert LatentPad(odd)._picture["shape"] == (1, 1, 7)
    assert LatentPad(flat, image_shape=(1, 4, 16))._picture["shape"] == (1, 4, 16)
    with pytest.raises(ValueError, match=r"C·H·W = 64"):
        LatentPad(flat, image_shape=(1, 4, 4))


def test_data_outside_0_to_1_keeps_its_range(data: Any) -> None:
    gaussian = vl.mlp_vae(SHAPE, 2, (8,), "gaussian")
    low, high = LatentPad(gaussian, 4 * data[0] - 2)._picture["range"]
    assert low == pytest.approx(-2, abs=0.1)
    assert high == pytest.approx(2, abs=0.1)
    assert LatentPad(gaussian, data[0])._picture["range"] == (0, 1)


def test_a_model_without_the_methods() -> None:
    with pytest.raises(TypeError, match=r"Linear has no method decode\(\)"):
        LatentPad(nn.Linear(2, 2))

    class OnlyDecodes:
        latent_dim = 2
        decode = Duck.decode

    assert LatentPad(OnlyDecodes()).z == [0, 0]
    with pytest.raises(TypeError, match=r"OnlyDecodes has no method encode\(\)"):
        LatentPad(OnlyDecodes(), torch.rand(3, *SHAPE))
    with pytest.raises(TypeError, match=r"has no method encode\(\)"):
        DrawAndEncode(OnlyDecodes())


@pytest.mark.parametrize("make", [lambda n: vl.mlp_vae(SHAPE, n, (8,)), autoencoder])
def test_a_plane_has_two_dimensions(make: Any, data: Any) -> None:
    for form in (None, data):
        with pytest.raises(ValueError, match=r"latent_dim is 3.*Use LatentSliders"):
            LatentPad(make(3), form)
        assert len(LatentSliders(make(3), form).z) == 3
        assert len(DrawAndEncode(make(3), form).z) == 3
        assert len(DrawAndEncode(make(1), form).z) == 1


def test_a_latent_size_that_nothing_tells(data: Any) -> None:
    with pytest.raises(ValueError, match=r"does not tell its latent_dim; pass data="):
        LatentSliders(Duck())
    assert len(LatentSliders(Duck(), data).z) == 2


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.rand(5, 1, 4, 4), ValueError, r"shape \(1, 4, 4\), the model's have"),
        (torch.full((5, *SHAPE), float("nan")), ValueError, "NaN"),
        (torch.rand(0, *SHAPE), ValueError, "empty"),
        ((torch.rand(5, *SHAPE), torch.arange(4)), ValueError, "5 examples, but"),
        ("digits", TypeError, "got str, wanted a Dataset"),
    ],
)
def test_bad_data(model: Any, bad: Any, error: Any, message: str) -> None:
    for widget in ALL:
        with pytest.raises(error, match=message):
            widget(model, bad)


def test_labels_may_be_words(model: Any, data: Any) -> None:
    x, numbers = data
    words = [("cat", "ant", "bee")[c] for c in numbers]
    for labels in (words, tuple(words), np.array(words), np.array(words, object)):
        pad = LatentPad(model, (x, labels))
        assert [name for *_, name in pad._scene["marks"]] == ["ant", "bee", "cat"]
        subject = pad.subject
        named = [subject.class_names[c] for c in subject.classes]
        assert named == [words[row] for row in subject.rows]
    assert DrawAndEncode(model, (x, words))._examples["names"][0] == "ant (1)"


def test_labels_that_are_neither(model: Any, data: Any) -> None:
    with pytest.raises(ValueError, match=r"60 examples, but labels of shape \(59,\)"):
        LatentPad(model, (data[0], ["cat"] * 59))
    with pytest.raises(TypeError, match="labels: wanted whole numbers or names"):
        LatentPad(model, (data[0], [None, 1] * 30))


class Answers(Duck):
    """A decoder that gives whatever is made of its pictures."""

    def __init__(self, made: Any):
        self.made = made

    def decode(self, z: Tensor) -> Any:
        return self.made(super().decode(z))


def test_a_decoder_may_give_numpy(data: Any) -> None:
    pad = LatentPad(Answers(lambda x: x.numpy().astype("f8")), data)
    z = torch.tensor([[1.0, 2]])
    assert torch.equal(pad.subject.decode(z), Duck().decode(z))
    assert pad._repr_mimebundle_()[0]["image/png"]


@pytest.mark.parametrize(
    ("made", "error", "words"),
    [
        (lambda x: x[:1], ValueError, r"decode\(\) gave shape \(1, 1, 8, 8\) for a"),
        (lambda x: torch.cat([x, x]), ValueError, "for a batch of 2, wanted"),
        (lambda x: x.mean(), ValueError, r"gave shape \(\) for a batch of 2"),
        (lambda x: x.tolist(), TypeError, "gave list, wanted a tensor"),
    ],
)
def test_a_decoder_that_gives_something_else(
    made: Any, error: Any, words: str, data: Any
) -> None:
    with pytest.raises(error, match=words):
        LatentPad(Answers(made), data)


# ------------------------------------------------------------- without a mean


class Certain(torch.distributions.TransformedDistribution):
    """Like a flow: it has samples and densities, no mean, no entropy."""

    def __init__(self, mu: Tensor):
        base = torch.distributions.Normal(mu, 0.1)
        base = torch.distributions.Independent(base, 1)
        super().__init__(base, [torch.distributions.TanhTransform()])


class Flow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = vl.MLP(SHAPE, (8,), 2)

    def forward(self, x: Tensor) -> Certain:
        return Certain(self.body(x))


@pytest.mark.parametrize("widget", ALL)
def test_a_posterior_without_a_mean(widget: Any, model: Any, data: Any) -> None:
    flow = vl.VAE(Flow(), model.decoder, prior=model.prior)
    with pytest.raises(NotImplementedError):
        flow.posterior(data[0]).mean  # noqa: B018
    shown, again = widget(flow, data), widget(flow, data)
    middle = flow.encoder.body(data[0])[shown.subject.rows].tanh()
    assert torch.allclose(shown.subject.codes, middle, atol=0.05)
    assert torch.equal(shown.subject.codes, again.subject.codes)
    assert shown.z == again.z


def test_its_samples_are_seeded_and_leave_no_trace(model: Any, data: Any) -> None:
    flow = vl.VAE(Flow(), model.decoder, prior=model.prior)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = subject_of(flow, data).moments(data[0][:5])
    torch.manual_seed(6)
    second = subject_of(flow, data).moments(data[0][:5])
    assert torch.equal(first.mu, second.mu)
    assert torch.equal(first.log_var, second.log_var)
    other = subject_of(flow, data, seed=1).moments(data[0][:5])
    assert not torch.equal(first.mu, other.mu)
    sigma = 0.1 * (1 - first.mu**2)
    assert torch.allclose(first.log_var.exp().sqrt(), sigma, rtol=0.15)
    torch.manual_seed(5)
    subject_of(flow, data).moments(data[0][:5])
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_preference(model: Any) -> None:
    with pytest.raises(ValueError, match="wanted 'page' or 'kernel'"):
        LatentPad(model, prefer="cloud")  # type: ignore[arg-type]


# ----------------------------------------------------------------------- the code


@pytest.mark.parametrize("widget", ALL)
def test_z_takes_lists_tuples_tensors_and_arrays(widget: Any, model: Any) -> None:
    shown = widget(model)
    for value in ([1, -2], (1, -2), torch.tensor([1.0, -2]), np.array([1, -2])):
        shown.z = value
        assert shown.z == [1.0, -2.0]
        assert all(type(v) is float for v in shown.z)
        shown.z = [0, 0]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1, 2, 3], "got 3 numbers, wanted a list of 2, one for each latent"),
        ([1, float("nan")], "finite"),
        ([1, float("inf")], "finite"),
        ([10**400, 0], "z: got .inf, 0.0., wanted finite"),
        ("12", "list of numbers"),
        ([1, "a"], "list of numbers"),
        (3, "list of numbers"),
    ],
)
def test_a_bad_z_is_refused_and_the_old_one_stays(
    model: Any, bad: Any, message: str
) -> None:
    pad = LatentPad(model, z=[0.5, 0.25])
    with pytest.raises(Exception, match=message):
        pad.z = bad
    assert pad.z == [0.5, 0.25]
    with pytest.raises(Exception, match=message):
        LatentPad(model, z=bad)
    # The same from the page, where several traits are set together.
    with pytest.raises(Exception, match=message):
        pad.set_state({"z": bad})
    assert pad.z == [0.5, 0.25]


# ------------------------------------------------------- the journey and the kernel


def test_a_changed_decode_does_not_travel(model: Any) -> None:
    class Inverted(vl.VAE):
        def decode(self, z: Tensor) -> Tensor:
            return 1 - super().decode(z)

    inverted = Inverted(model.encoder, model.decoder)
    assert LatentPad(inverted)._decoder["why"] == "Inverted.decode is not vaelib's own"
    patched = vl.mlp_vae(SHAPE, 2, (8,))
    patched.decode = lambda z: z  # type: ignore[method-assign, assignment]
    with pytest.raises(ValueError, match=r"the model's have \(2,\)"):
        LatentPad(patched, torch.rand(3, *SHAPE))
    likelihood = vl.mlp_vae(SHAPE, 2, (8,))
    likelihood.likelihood = likelihood.likelihood  # type: ignore[method-assign]
    assert "likelihood is not" in LatentPad(likelihood)._decoder["why"]


def test_the_encoder_and_decoder_travel_apart(model: Any) -> None:
    class Other(nn.Linear):
        pass

    encoder = nn.Sequential(nn.Flatten(), Other(64, 4), vl.DiagonalGaussianHead(2))
    draw = DrawAndEncode(vl.VAE(encoder, model.decoder))
    assert "weights" in draw._decoder
    assert draw._encoder == {"why": "Other is not a layer the page knows"}


def test_asking_for_the_kernel(model: Any) -> None:
    assert LatentPad(model, prefer="kernel")._decoder == {"why": "as asked"}


class Listener:
    """Catches what a widget sends to its page."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch):
        self.heard: list[Any] = []
        monkeypatch.setattr(
            widget, "send", lambda content, buffers=None: self.hear(content, buffers)
        )

    def hear(self, content: Any, buffers: Any) -> None:
        self.heard.append((content, buffers))


def ask(widget: Any, op: str, values: list[float], **more: Any) -> None:
    question = {"op": op, "view": "v", "id": 7, **more}
    widget._answer(widget, question, [np.array(values, dtype="<f4").tobytes()])


def test_the_kernel_answers_what_torch_computes(
    model: Any, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = DrawAndEncode(model, data, prefer="kernel")
    listener = Listener(draw, monkeypatch)
    ask(draw, "decoder", [0.5, -1])
    ask(draw, "encoder", data[0][3].flatten().tolist())
    (reply, [pixels]), (_, [moments]) = listener.heard
    assert reply == {"view": "v", "id": 7}
    wanted = model.decode(torch.tensor([[0.5, -1]])).detach().flatten()
    assert np.allclose(np.frombuffer(pixels, "<f4"), wanted, atol=1e-6)
    q = model.posterior(data[0][3:4])
    both = torch.cat([q.mu, q.log_var], -1).detach().flatten()
    assert np.allclose(np.frombuffer(moments, "<f4"), both, atol=1e-5)


def test_an_error_in_the_decoder_goes_to_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Moody(Duck):
        def decode(self, z: Tensor) -> Tensor:
            if (z > 1).any():
                raise RuntimeError("not there")
            return super().decode(z)

    pad = LatentPad(Moody(), torch.rand(4, *SHAPE))
    listener = Listener(pad, monkeypatch)
    ask(pad, "decoder", [2, 2])
    ask(pad, "encoder", [2, 2])
    pad._answer(pad, "nonsense", [])
    (first, none), (second, _) = listener.heard
    assert first == {"view": "v", "id": 7, "error": "RuntimeError: not there"}
    assert none is None
    assert "wanted 'decoder'" in second["error"]


def test_decoding_is_without_dropout_and_leaves_no_trace(data: Any) -> None:
    decoder = nn.Sequential(nn.Linear(2, 64), nn.Dropout(), nn.Unflatten(1, SHAPE))
    model = vl.Autoencoder(vl.MLP(SHAPE, (8,), 2), decoder).train()
    pad = LatentPad(model, data)
    z = torch.tensor([[1.0, 2]])
    assert torch.equal(pad.subject.decode(z), pad.subject.decode(z))
    assert all(part.training for part in model.modules())


def test_refresh_reads_the_model_again(data: Any) -> None:
    model = vl.mlp_vae(SHAPE, 2, (8,))
    pad = LatentPad(model, data)
    before, points = pad._decoder["weights"], pad._scene["points"]
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(2)
    pad.refresh()
    assert pad._decoder["weights"] != before
    assert pad._scene["points"] != points


# ----------------------------------------------------------------------- the plane


def test_the_plane_holds_the_prior_the_origin_and_the_data(data: Any) -> None:
    scene = scene_of(subject_of(vl.mlp_vae(SHAPE, 2, (8,))))
    assert scene.rings == (1, 2, 3)
    assert scene.low == pytest.approx((-3.24, -3.24))
    assert scene.step == 0.05
    far = autoencoder()
    far.encoder[-1].bias.data += 40
    scene = scene_of(subject_of(far, data))
    assert scene.rings == ()
    for axis in (0, 1):
        assert scene.low[axis] <= 0 <= scene.high[axis]
        assert scene.high[axis] > 39
        assert scene.low[axis] < min(scene.ticks[axis])
        assert max(scene.ticks[axis]) < scene.high[axis]
    assert [name for *_, name in scene.marks] == ["0", "1", "2"]


def test_points_travel_as_fractions_of_the_plane(model: Any, data: Any) -> None:
    subject = subject_of(model, data)
    scene = scene_of(subject)
    page = scene.to_page()
    part = np.frombuffer(page["points"], "<u2").reshape(-1, 2) / 65535  # type: ignore[call-overload]
    low, high = np.array(scene.low), np.array(scene.high)
    assert np.allclose(low + part * (high - low), subject.codes, atol=1e-3)
    classes = np.frombuffer(page["classes"], "u1")  # type: ignore[call-overload]
    assert (classes == subject.labels.numpy()).all()  # type: ignore[union-attr]


def test_class_numbers_do_not_cover_each_other(data: Any) -> None:
    x, labels = data
    scene = scene_of(subject_of(autoencoder(), (x, labels * 0 + torch.arange(60) % 10)))
    places = torch.tensor([mark[:2] for mark in scene.marks])
    assert len(places) == 10
    extent = (scene.points.amax(0) - scene.points.amin(0)).max()
    gaps = torch.pdist(places)
    assert gaps.min() > 0.03 * extent


def test_a_measurement_is_not_a_class(data: Any) -> None:
    scene = scene_of(subject_of(autoencoder(), (data[0], torch.rand(60))))
    assert scene.marks == []


@pytest.mark.parametrize(
    ("value", "wanted"), [(0.027, 0.02), (0.054, 0.05), (1.2, 1), (80, 100)]
)
def test_nice_numbers(value: float, wanted: float) -> None:
    assert nice(value) == wanted


# --------------------------------------------------------------------- the sliders


def test_sliders_span_the_posterior_or_the_prior(data: Any) -> None:
    model = vl.mlp_vae(SHAPE, 4, (8,))
    prior = slider_ranges(subject_of(model))
    assert prior["low"] == [-3] * 4
    assert prior["high"] == [3] * 4
    head = model.encoder[0][-1]
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor([5.0, 0, 0, 0, -6, 0, 0, 0]))
    ranges = slider_ranges(subject_of(model, data))
    # q(z1|x) is narrow around 5; the others are as wide as the prior.
    assert 5 < ranges["high"][0] < 5.3
    assert ranges["low"][0] == 0
    assert 4.8 < ranges["inner"][0][0] < 5
    assert 1 < ranges["high"][1] < 4
    assert -4 < ranges["low"][1] < -1


def bank_of(model: Any, seed: int) -> Any:
    bank = slider_ranges(subject_of(model, seed=seed))["bank"]
    return np.frombuffer(bank, "<f4").reshape(-1, 2)


def test_random_codes_come_from_the_prior(model: Any) -> None:
    bank = np.frombuffer(
        slider_ranges(subject_of(model, seed=3))["bank"], "<f4"
    ).reshape(-1, 2)
    assert bank.shape == (256, 2)
    assert abs(bank.mean()) < 0.15
    assert abs(bank.std() - 1) < 0.1
    again = np.frombuffer(
        slider_ranges(subject_of(model, seed=3))["bank"], "<f4"
    ).reshape(-1, 2)
    assert (bank == again).all()


def test_nothing_touches_the_global_seed(model: Any, data: Any) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for widget in ALL:
        widget(model, data)
    assert torch.equal(torch.get_rng_state(), before)


# --------------------------------------------------------------------- the drawing


def test_a_picture_given_from_python_is_encoded(model: Any, data: Any) -> None:
    draw = DrawAndEncode(model, data)
    draw.x = data[0][5]
    q = model.posterior(data[0][5:6])
    assert torch.equal(draw.x, data[0][5])
    assert draw.mu == pytest.approx(q.mean[0].tolist(), abs=1e-5)
    assert draw.sigma == pytest.approx(q.stddev[0].tolist(), abs=1e-5)
    assert draw.z == draw.mu
    with pytest.raises(ValueError, match=r"wanted \(1, 8, 8\)"):
        draw.x = torch.zeros(3)
    with pytest.raises(ValueError, match="NaN"):
        draw.x = torch.full(SHAPE, float("nan"))


def test_a_model_without_posterior_is_certain(data: Any) -> None:
    draw = DrawAndEncode(autoencoder(), data)
    assert draw.sigma == [0, 0]
    assert "weights" in draw._encoder


def test_examples_are_the_data_s_or_the_model_s(model: Any, data: Any) -> None:
    draw = DrawAndEncode(model, data)
    names = draw._examples["names"]
    assert names[:2] == ["0 (1)", "0 (2)"]
    assert len(draw._examples["pixels"]) == len(names) * 64
    assert DrawAndEncode(model, data[0])._examples["names"][0] == "example 1"
    assert DrawAndEncode(model)._examples["names"][0] == "invented 1"


@pytest.mark.parametrize("width", [2, 4])
def test_the_pen_is_as_wide_as_the_data_s_strokes(width: int) -> None:
    x = torch.zeros(1, 1, 28, 28)
    x[..., 4:24, 10 : 10 + width] = 1
    model = vl.mlp_vae((1, 28, 28), 2, (4,))
    style = _strokes(subject_of(model, x))
    assert style["box"] == 20
    assert style["pen"] == pytest.approx(width, rel=0.4)
    assert _strokes(subject_of(model))["box"] == 20
    assert DrawAndEncode(model, center=False)._ink["box"] is None


# ----------------------------------------------------------------------- the still


@pytest.mark.parametrize("widget", ALL)
@pytest.mark.parametrize("size", [2, 5])
def test_a_still_picture_comes_along(widget: Any, size: int, data: Any) -> None:
    if widget is LatentPad and size != 2:
        return
    shown = widget(vl.mlp_vae(SHAPE, size, (8,)), data)
    bundle, metadata = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    image = base64.b64decode(bundle["image/png"])
    assert image.startswith(b"\x89PNG")
    assert len(image) > 3000
    assert "decoded at z = (" in metadata["image/png"]["alt"]


def test_a_decoder_that_fails_here_still_leaves_the_widget(data: Any) -> None:
    class Moody(Duck):
        def decode(self, z: Tensor) -> Tensor:
            if (z > 1).any():
                raise RuntimeError("not there")
            return super().decode(z)

    bundle, _ = LatentPad(Moody(), data, z=[2, 2])._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "image/png" not in bundle


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("widget", ALL)
def test_a_model_on_the_gpu(widget: Any, data: Any) -> None:
    shown = widget(vl.mlp_vae(SHAPE, 2, (8,)).to("cuda"), data)
    assert "weights" in shown._decoder
    assert "image/png" in shown._repr_mimebundle_()[0]
