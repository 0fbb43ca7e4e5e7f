"""Live training: on an event loop, without one, and its recording in node."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vaelib as vl
from vaelib.randomness import seeded
from vaelib.widgets import LiveTraining, Recording, esm, film, mail
from vaelib.widgets import live_training as module
from vaelib.widgets.recording import Frame
from vaelib.widgets.subject import Subject


@pytest.fixture(scope="module")
def data() -> vl.data.Dataset:
    return vl.load("digits")


def build(seed: int) -> vl.VAE:
    with seeded(seed):
        return vl.mlp_vae((1, 8, 8), 2, (16,))


class Page:
    """A page that answers each picture, or does not."""

    def __init__(self, live: LiveTraining, *, answers: bool = True):
        self.live, self.answers = live, answers
        self.pictures: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        live.send = self.heard
        self.say("hello")

    def say(self, op: str, **more: Any) -> None:
        self.live._hear(self.live, {"op": op, **more}, [])

    def heard(self, content: Any, buffers: Any = None) -> None:
        self.pictures.append(content)
        self.buffers.append(buffers)
        if self.answers:
            asyncio.get_running_loop().call_soon(
                partial(self.say, "seen", id=content["id"])
            )


def weights(model: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten().clone() for p in model.parameters()])


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.005)


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    """Run it, and see that it left no task, thread, timer or setting behind."""
    threads, handler = threading.enumerate(), signal.getsignal(signal.SIGINT)
    count = torch.get_num_threads()
    precision = torch.get_float32_matmul_precision()

    async def all_of_it() -> None:
        tasks = asyncio.all_tasks()
        await test()
        assert asyncio.all_tasks() == tasks
        timers = getattr(asyncio.get_running_loop(), "_scheduled", [])
        assert [t for t in timers if not t.cancelled() and "_turn" in repr(t)] == []

    asyncio.run(all_of_it())
    assert threading.enumerate() == threads
    assert signal.getsignal(signal.SIGINT) == handler
    assert torch.get_num_threads() == count
    assert torch.get_float32_matmul_precision() == precision


# ------------------------------------------------------------------ the same steps


def test_its_steps_are_those_of_fit(data: Any) -> None:
    live, model = LiveTraining(build, data, beta=2, seed=3), build(3)
    steps = -(-len(data.x) // 64)
    live.step(7)
    live.step(steps - 7)
    objective = partial(vl.elbo, beta=2)
    options = {"epochs": 1, "seed": 3, "progress": False, "schedule": "constant"}
    vl.fit(model, data, objective, **options)
    assert torch.equal(weights(live.model), weights(model))


def test_in_the_background_they_are_the_same(data: Any) -> None:
    calm = LiveTraining(build, data)
    calm.step(100)
    live = LiveTraining(build, data, steps=100)

    async def test() -> None:
        Page(live)
        live.start()
        assert live.running
        while live.running:
            torch.rand(3)  # others draw, too
            await asyncio.sleep(0.001)
        live.close()

    on_a_loop(test)
    assert torch.equal(weights(live.model), weights(calm.model))
    assert live.history == calm.history


def test_reset_begins_the_same_run_again(data: Any) -> None:
    live = LiveTraining(build, data)
    first = weights(live.model)
    live.step(25)
    once, history = weights(live.model), live.history
    live.reset()
    assert torch.equal(weights(live.model), first)
    assert live.history == {"step": [], "beta": [], "lr": []}
    live.step(25)
    assert torch.equal(weights(live.model), once)
    assert live.history == history
    assert history["step"] == [10, 20]
    other = LiveTraining(build, data, seed=1)
    other.step(25)
    assert not torch.equal(weights(other.model), once)


def test_nobody_else_s_random_numbers_change(data: Any) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(4)
    torch.manual_seed(5)
    live = LiveTraining(build, data)
    live.step(12)
    live.record(4, frames=2)
    live.reset()
    assert torch.equal(torch.rand(4), wanted)


def test_beta_and_the_learning_rate_count_from_the_next_step(data: Any) -> None:
    live = LiveTraining(build, data)
    live.step(10)
    live.beta = 50
    live.step(10)
    live.lr = 1e-9
    before = weights(live.model)
    live.step(1)
    assert (weights(live.model) - before).abs().max() < 1e-6
    history = live.history
    assert history["beta"] == [1, 50]
    for i, beta in enumerate(history["beta"]):
        priced = history["reconstruction"][i] - beta * history["kl"][i]
        assert history["objective"][i] == pytest.approx(priced, rel=1e-4)
    pressed, free = LiveTraining(build, data, beta=50), LiveTraining(build, data)
    pressed.step(150)
    free.step(150)
    assert pressed.history["kl"][-1] < 0.5 * free.history["kl"][-1]


def test_a_model_is_trained_in_place_and_left_in_eval_mode(data: Any) -> None:
    model = build(0)
    live = LiveTraining(model, data)
    assert live.model is model
    live.step(2)
    assert not model.training
    assert model.sample(2).shape == (2, 1, 8, 8)


# ---------------------------------------------------------------- on an event loop


def test_other_work_runs_meanwhile_and_pause_stops(data: Any) -> None:
    live = LiveTraining(build, data)

    async def test() -> None:
        page = Page(live)
        live.start()
        turns = 0
        while live._run.step < 100:
            await asyncio.sleep(0.001)
            turns += 1
            assert not live.model.training
        assert turns >= 3
        await until(lambda: len(page.pictures) >= 4)
        live.pause()
        step, sent = live._run.step, len(page.pictures)
        await asyncio.sleep(0.2)
        assert (live._run.step, len(page.pictures)) == (step, sent)
        assert not live.running
        assert live._frames[0]["step"] == step
        live.reset()
        count = len(page.pictures)
        live.start()
        await until(lambda: len(page.pictures) > count + 2)
        live.close()

    on_a_loop(test)


def test_closing_stops_and_leaks_nothing(data: Any) -> None:
    async def test() -> None:
        live = LiveTraining(build, data)
        Page(live)
        live.start()
        await until(lambda: live._run.step > 5)
        live.close()
        step = live._run.step
        await asyncio.sleep(0.1)
        assert live._run.step == step

    on_a_loop(test)


def test_without_a_page_it_takes_a_bounded_number_of_steps(data: Any) -> None:
    live = LiveTraining(build, data)

    async def test() -> None:
        live.start()
        await until(lambda: live._pulse.timer is None)
        step = live._run.step
        bound = module.UNSEEN_STEPS
        assert bound <= step < 20 * bound  # it looks after each slice
        await asyncio.sleep(0.1)
        assert live._run.step == step
        Page(live)  # somebody opens it
        await until(lambda: live._run.step > step)
        live.close()

    on_a_loop(test)


def test_without_a_loop_start_returns_after_a_bounded_number(data: Any) -> None:
    live = LiveTraining(build, data)
    live.start()
    assert live._run.step == module.UNSEEN_STEPS
    assert not live.running
    live = LiveTraining(build, data, steps=20)
    live.start()
    live.start()
    live.step(50)
    assert live._run.step == 20


def test_it_rests_while_the_tab_is_closed(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "UNSEEN_SECONDS", 0.2)
    live = LiveTraining(build, data)

    async def test() -> None:
        page = Page(live)
        live.start()
        await until(lambda: len(page.pictures) > 3)
        page.answers = False
        await until(lambda: live._pulse.timer is None)
        on_the_way = page.pictures[-1]["id"] - live._mail.seen
        assert on_the_way <= mail.IN_FLIGHT
        assert live.running  # it is still wanted
        step = live._run.step
        await asyncio.sleep(0.2)
        assert live._run.step == step
        page.answers = True
        page.say("seen", id=page.pictures[-1]["id"])
        await until(lambda: live._run.step > step)
        live.close()

    on_a_loop(test)


def test_messages_on_another_thread_are_obeyed_on_the_first(data: Any) -> None:
    live = LiveTraining(build, data)
    seen: list[int] = []

    async def test() -> None:
        live.pause()
        page = Page(live)
        live._pulse.loop = asyncio.get_running_loop()
        objective = live._objective

        def noting(model: Any, x: torch.Tensor) -> Any:
            seen.append(threading.get_ident())
            return objective(model, x)

        live._run.objective = noting
        await asyncio.to_thread(page.say, "start")
        await until(lambda: live._run.step > 10)
        await asyncio.to_thread(page.say, "pause")
        await until(lambda: not live.running)
        step = live._run.step
        await asyncio.to_thread(page.say, "step")
        await until(lambda: live._run.step == step + 1)
        await asyncio.to_thread(page.say, "reset")
        await until(lambda: live._run.step == 0)
        live.close()
        await asyncio.get_running_loop().shutdown_default_executor()

    on_a_loop(test)
    assert set(seen) == {threading.get_ident()}


def test_an_interrupt_never_cuts_a_step_in_two(data: Any) -> None:
    live = LiveTraining(build, data)
    objective, done = live._objective, []

    def interrupted(model: Any, x: torch.Tensor) -> Any:
        if live._run.step == 7 and not done:
            done.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return objective(model, x)

    live._run.objective = interrupted
    with pytest.raises(KeyboardInterrupt):
        live.step(20)
    assert live._run.step == 8
    live.step(12)
    calm = LiveTraining(build, data)
    calm.step(20)
    assert torch.equal(weights(live.model), weights(calm.model))


@pytest.mark.parametrize("kernel_ignores", [True, False])
def test_an_interrupt_in_the_background(data: Any, kernel_ignores: bool) -> None:
    live = LiveTraining(build, data)
    objective, done = live._objective, []

    def interrupted(model: Any, x: torch.Tensor) -> Any:
        if live._run.step == 7 and not done:
            done.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return objective(model, x)

    live._run.objective = interrupted
    how = signal.SIG_IGN if kernel_ignores else signal.default_int_handler

    async def test() -> None:
        before = signal.signal(signal.SIGINT, how)
        try:
            Page(live)
            live.start()
            await until(lambda: live._run.step > 7)
            if kernel_ignores:  # an idle kernel does; training goes on
                await until(lambda: live._run.step > 30)
            else:  # let out of the loop, it would end the kernel
                await until(lambda: not live.running)
                assert live._run.step == 8
            live.close()
        finally:
            signal.signal(signal.SIGINT, before)

    on_a_loop(test)


def test_a_second_interrupt_is_obeyed_at_once_and_ends_no_loop(data: Any) -> None:
    live = LiveTraining(build, data)

    def interrupted_twice(model: Any, x: torch.Tensor) -> Any:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("it was not obeyed")

    async def test() -> None:
        Page(live)
        live._run.objective = interrupted_twice
        live.start()
        await until(lambda: not live.running)
        assert live._says == ""
        live.close()

    on_a_loop(test)


def test_looking_at_a_model_that_draws_changes_nothing(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, live = LiveTraining(build, data), LiveTraining(build, data)
    calm.step(20)
    encode, threads = Subject.encode, set()

    def drawing(self: Subject, x: Any) -> torch.Tensor:
        threads.add(torch.get_num_threads())
        torch.rand(7)
        return encode(self, x)

    monkeypatch.setattr(Subject, "encode", drawing)
    before = torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        live.record(20, frames=5)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert threads == {1}  # two share their cores with the browser
    assert torch.equal(weights(live.model), weights(calm.model))


def test_what_the_model_raises_is_said_and_training_stops(data: Any) -> None:
    live = LiveTraining(build, data)

    def broken(model: Any, x: torch.Tensor) -> Any:
        raise RuntimeError("no more")

    async def test() -> None:
        Page(live)
        live._run.objective = broken
        live.start()
        await until(lambda: not live.running)
        assert live._says == "Training stopped: RuntimeError: no more"
        live.close()

    on_a_loop(test)


def test_after_diverging_it_can_go_on(data: Any) -> None:
    live = LiveTraining(build, data)
    live.step(60)
    good = live.history["elbo"][-1]
    objective = live._objective

    def nan(model: Any, x: torch.Tensor) -> Any:
        return vl.objectives.Elbo(
            *(t * torch.nan for t in objective(model, x)[:3]), None
        )

    live._run.objective = nan
    with pytest.raises(vl.training.TrainingDiverged):
        live.step(5)
    assert "diverged at step 60" in live._says
    live._run.objective = objective
    live.step(60)
    assert live._says == ""
    assert live.history["elbo"][-1] > good - 1
    assert weights(live.model).isfinite().all()


# ------------------------------------------------------------------- what it sends


def test_a_picture_holds_codes_reconstructions_and_curves(data: Any) -> None:
    live = LiveTraining(build, data, beta=3)
    live.step(40)

    async def test() -> None:
        page = Page(live)
        about = page.pictures[0]
        codes, pixels, curve = page.buffers[0]
        assert (about["step"], about["beta"], about["lr"]) == (40, 3, 4e-3)
        place = np.frombuffer(codes, "<u2").reshape(-1, 2) / 65535
        z = (place * 2 - 1) * about["half"]
        shown = live._camera.shown
        wanted = live.model.encode(shown).detach().numpy()
        assert len(z) == 1000
        assert np.allclose(z, wanted.clip(-about["half"], about["half"]), atol=1e-3)
        strip = np.frombuffer(pixels, "u1").reshape(live._page["shape"]) / 255
        x = live.model.reconstruct(live._camera.examples).detach()
        side = torch.cat(list(x), -1).numpy()
        assert np.allclose(strip, side, atol=0.51 / 255)
        rows = np.frombuffer(curve, "<f4").reshape(-1, 4)
        assert np.allclose(rows[:, 0], [10, 20, 30, 40])
        assert np.allclose(rows[:, 2], live.history["kl"], rtol=1e-5)
        assert about["kl"] == live.history["kl"][-1]
        live.close()

    on_a_loop(test)


def test_the_examples_are_of_different_classes(data: Any) -> None:
    live = LiveTraining(build, data)
    classes = np.frombuffer(live._page["classes"], "u1")
    rows = [
        (live._camera.shown == x).flatten(1).all(1).nonzero()[0]
        for x in live._camera.examples
    ]
    assert sorted(int(classes[int(i)]) for i in rows) == list(range(8))
    assert live._page["names"] == list("0123456789")


def test_the_plane_grows_at_once_and_shrinks_late() -> None:
    z = torch.linspace(-1, 1, 101)[:, None]
    assert film.half_of(z, 4) == 4
    assert film.half_of(5 * z, 4) == 6
    assert film.half_of(3.5 * z, 6) == 6
    assert film.half_of(2 * z, 6) == 4
    assert film.half_of(1e6 * z, 4) == 1000


def test_a_long_curve_is_thinned(data: Any) -> None:
    live = LiveTraining(build, data)
    live.step(10)
    for name, value in (("step", 10.0), ("beta", 1.0), ("lr", 4e-3)):
        live._drive.settings[name] = [value] * 2000
    live._drive.settings["step"] = [10.0 * (i + 1) for i in range(2000)]
    for values in live._run.history._epochs.values():
        values[:] = [float(i) for i in range(2000)]
    rows = film.curve_of(live.history)
    assert len(rows) <= film.ROWS
    assert rows[-1, 0] == 20_000
    assert rows[:, 2].mean() == pytest.approx(999.5, rel=0.01)


@pytest.mark.parametrize("latent_dim", [1, 5])
def test_other_latent_sizes(data: Any, latent_dim: int) -> None:
    live = LiveTraining(lambda seed: vl.mlp_vae((1, 8, 8), latent_dim, (8,)), data.x)
    live.step(2)
    assert len(live._codes) == 4 * 1000
    assert live._page["names"] == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("beta", -1.0, "wanted a number ≥ 0"),
        ("beta", float("nan"), "wanted a number ≥ 0"),
        ("lr", 0.0, "wanted a number above 0"),
        ("steps", 0, "wanted a whole number ≥ 1"),
        ("batch_size", 0, "wanted a whole number ≥ 1"),
    ],
)
def test_bad_numbers(data: Any, name: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LiveTraining(build, data, **{name: value})
    live = LiveTraining(build, data)
    if name in ("beta", "lr"):
        before = getattr(live, name)
        with pytest.raises(ValueError, match=words):
            setattr(live, name, value)
        assert getattr(live, name) == before


def test_bad_models_and_steps(data: Any) -> None:
    with pytest.raises(TypeError, match="or a function of a seed"):
        LiveTraining("model", data)
    with pytest.raises(TypeError, match="or a function of a seed"):
        LiveTraining(torch.nn.Linear(2, 2), data)
    with pytest.raises(ValueError, match="steps: got 0"):
        LiveTraining(build, data).step(0)


# ------------------------------------------------------------------- the recording


@pytest.fixture(scope="module")
def recording(data: Any) -> Recording:
    live = LiveTraining(build, data)
    return live.record(120, beta=lambda step: 1 if step < 60 else 40, frames=12)


def test_a_recording_holds_what_was_asked(recording: Recording) -> None:
    steps = [about["step"] for about in recording._frames]
    assert steps == list(range(0, 121, 10))
    assert len(recording) == 13
    betas = [about["beta"] for about in recording._frames]
    assert betas == [1] * 7 + [40] * 6
    kl = [about["kl"] for about in recording._frames]
    assert kl[-1] < 0.7 * max(kl[1:7])
    assert not recording._live


def test_a_recording_survives_the_disk(recording: Recording, tmp_path: Path) -> None:
    recording.save(tmp_path / "run.safetensors")
    again = Recording.load(tmp_path / "run.safetensors")
    for name in ("_frames", "_codes", "_pixels", "_curve"):
        assert getattr(again, name) == getattr(recording, name)
    before, after = (
        json.dumps(r._page, default=list, sort_keys=True) for r in (recording, again)
    )
    assert after == before
    assert len(again) == len(recording)
    other = tmp_path / "model.safetensors"
    vl.save(build(0), other)
    with pytest.raises(ValueError, match="holds no recording"):
        Recording.load(other)


def test_a_long_run_keeps_a_bounded_film(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "MOST_FRAMES", 10)
    live = LiveTraining(build, data)
    made = live.record(45, frames=45)
    steps = [about["step"] for about in made._frames]
    assert len(made) <= 11
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, 45)


@pytest.mark.parametrize("live", [True, False])
def test_a_still_picture_comes_along(
    data: Any, recording: Recording, live: bool
) -> None:
    shown = LiveTraining(build, data) if live else recording
    bundle, metadata = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    alt = metadata["image/png"]["alt"]
    assert ("at step 0 with β = 1" if live else "at step 120 with β = 40") in alt
    assert ("Nothing was learned yet" in alt) == live


def test_playback_in_node(
    run_script: Any, recording: Recording, tmp_path: Path
) -> None:
    text = esm.module("live_training").replace("export default", "globalThis.front =")
    script = tmp_path / "play.mjs"
    script.write_text(
        text
        + """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(process.argv[2], "utf8"));
const view = (text) => {
  const bytes = Buffer.from(text, "base64");
  // An odd offset, as a message's buffers may have.
  const odd = new Uint8Array(bytes.length + 1);
  odd.set(bytes, 1);
  return new DataView(odd.buffer, 1);
};
const [codes, pixels, curve] = ["codes", "pixels", "curve"].map((k) => view(given[k]));
console.log(JSON.stringify({
  frames: given.abouts.map((_, i) => {
    const f = frameAt(given.abouts, codes, pixels, curve, i);
    return {
      step: f.about.step, codes: Array.from(f.codes), pixels: Array.from(f.pixels),
      rows: f.rows.map((r) => Array.from(r)),
    };
  }),
  limits: [[0, 5, 10], [-500, ...Array(20).fill(-100)], [3]].map(limitsOf),
  words: [0, 0.004, 0.00001, 1, -98.34, 1234.4, null].map(sayNumber),
}));
"""
    )
    given = {
        "abouts": recording._frames,
        "codes": base64.b64encode(recording._codes).decode(),
        "pixels": base64.b64encode(recording._pixels).decode(),
        "curve": base64.b64encode(recording._curve).decode(),
    }
    (tmp_path / "given.json").write_text(json.dumps(given))
    answer = json.loads(run_script(script, str(tmp_path / "given.json")))
    count = len(recording)
    codes = np.frombuffer(recording._codes, "<u2").reshape(count, -1)
    pixels = np.frombuffer(recording._pixels, "u1").reshape(count, -1)
    curve = np.frombuffer(recording._curve, "<f4").reshape(-1, 4)
    for i, frame in enumerate(answer["frames"]):
        step = recording._frames[i]["step"]
        assert frame["step"] == step
        assert frame["codes"] == codes[i].tolist()
        assert frame["pixels"] == pixels[i].tolist()
        rows = curve[curve[:, 0] <= step]
        assert np.allclose(np.array(frame["rows"]).reshape(-1, 4), rows)
    (low, high), steep, alone = answer["limits"]
    assert low == 0
    assert high > 10
    assert steep[0] > -110  # the first steep part may leave the picture
    assert alone[0] < 3 < alone[1]
    words = ["0", "0.004", "1.0e−5", "1.00", "−98.3", "1,234", "–"]
    assert answer["words"] == words


def frame_at(step: int) -> Frame:
    return Frame({"step": step}, b"", b"")


def test_a_film_that_is_thinned_stays_even(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "MOST_FRAMES", 10)
    kept = film.Film(frame_at(0))
    for step in range(1, 100):
        kept.add(frame_at(step))
        steps = [int(frame.about["step"] or 0) for frame in kept.frames]
        assert len(set(np.diff(steps))) == 1
        assert len(steps) <= 10
        assert steps[0] == 0
    assert steps[-1] > 80


def test_only_a_few_pictures_are_on_their_way() -> None:
    sent: list[Any] = []
    post = mail.Mail(lambda *message: sent.append(message))
    curve = np.zeros((0, 4), "<f4")
    post.post(frame_at(0), curve)
    assert post.full  # nobody looks
    assert sent == []
    post.welcome()
    for i in range(mail.IN_FLIGHT):
        assert not post.full
        post.post(frame_at(i), curve)
    assert post.full
    post.confirm(1)
    assert not post.full
    post.confirm(99)  # nothing that was not sent
    assert post.seen == len(sent) == mail.IN_FLIGHT
