"""A model that trains while it is watched."""

import time
from collections.abc import Callable
from math import inf, isfinite
from typing import Any

import torch
import traitlets
from torch import Tensor, nn

from vaelib.data import as_tensor
from vaelib.devices import resolve_device
from vaelib.objectives import Elbo, elbo
from vaelib.training import TrainingDiverged
from vaelib.widgets.drive import Drive, built
from vaelib.widgets.film import Camera, Film, curve_of
from vaelib.widgets.mail import Mail
from vaelib.widgets.pulse import Pulse, pass_on, running_loop, sigint_handler
from vaelib.widgets.recording import Frame, Recording, Watched
from vaelib.widgets.subject import subject_of
from vaelib.widgets.traits import BadValue

SLICE = 0.03  # seconds that the kernel's other work waits at most
PICTURE_EVERY = 0.08  # seconds
UNSEEN_STEPS = 300  # as long as no page ever answered: a test, a script
BETAS, RATES = (0.01, 100.0), (1e-5, 0.1)  # of the sliders


class LiveTraining(Watched):
    """A model that trains in the background while β and the learning rate are
    dragged.

    It trains on the kernel's own event loop in slices of at most 30 ms, so other
    cells run in between; between slices nothing shows: the model is in ``eval``
    mode, and random numbers elsewhere are what they would have been. The page
    gets about ten pictures a second while it answers. If it stops answering (the
    tab was closed or hidden), training rests until it is back; without any page,
    as in a test, ``start`` takes at most 300 steps. The notebook's interrupt button
    stops cells; this is stopped by Pause.

    Args:
        build_or_model: a VAE, trained in place, or a function of a seed that
            builds one, as for :func:`vaelib.sweep`.
        data: a ``Dataset``, or a tensor ``(N, *data_shape)``. Up to 1,000 of it
            are shown on the plane.
        beta: weight of the KL, at the start.
        lr: Adam's step size, at the start; it stays constant.
        batch_size: examples per step.
        seed: of weights, order and noise. The same seed gives the same run, as
            long as β and the learning rate change at the same steps.
        steps: where to stop; default never.
        device: as for :func:`vaelib.fit`.
        image_shape: ``(C, H, W)`` as which an example is drawn, where its own
            shape does not tell.

    Traits:
        beta, lr: what the sliders show; setting them moves the sliders.
        running: whether it is to train.

    Raises:
        TypeError, ValueError: for a model, data or numbers that cannot work.

    Example:
        >>> import vaelib as vl
        >>> model = vl.mlp_vae((1, 8, 8), latent_dim=2, hidden=(16,))
        >>> live = LiveTraining(model, vl.load("digits"), beta=4)
        >>> live.step(20)
        >>> live.history["step"]
        [10.0, 20.0]
    """

    beta = traitlets.Float(1.0).tag(sync=True)
    lr = traitlets.Float(4e-3).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    _says = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        build_or_model: nn.Module | Callable[[int], nn.Module],
        data: Any,
        *,
        beta: float = 1.0,
        lr: float = 4e-3,
        batch_size: int = 64,
        seed: int = 0,
        steps: int | None = None,
        device: str | torch.device = "auto",
        image_shape: tuple[int, int, int] | None = None,
    ):
        if steps is not None and (isinstance(steps, bool) or steps < 1):
            raise ValueError(f"steps: got {steps!r}, wanted a whole number ≥ 1 or None")
        x = as_tensor(data).to(resolve_device(device))
        self.model = built(build_or_model, seed).to(x.device)
        self._x, self._batch_size, self._seed = x, batch_size, seed
        self._limit = inf if steps is None else steps
        subject = subject_of(self.model, data, image_shape=image_shape, seed=seed)
        self._camera = Camera(subject)
        self._first = {k: v.clone() for k, v in self.model.state_dict().items()}
        self._pulse = Pulse(self._turn)
        self._mail = Mail(lambda *message: self.send(*message))
        self._last_picture, self._unseen_from = -inf, 0
        super().__init__(beta=float(beta), lr=float(lr), _live=True)
        sliders = {"beta": [*BETAS, self.beta or 1.0], "lr": [*RATES, self.lr]}
        self._page = {**self._camera.describe(), "sliders": sliders}
        self._restart()
        self.on_msg(self._hear)

    def start(self) -> None:
        """Train on, in the background where there is an event loop."""
        self._pulse.at_home(self._start)

    def pause(self) -> None:
        """Stop after the step under way."""
        self._pulse.at_home(self._pause)

    def step(self, steps: int = 1) -> None:
        """Pause, take some steps, and return when they are taken."""
        if type(steps) is not int or steps < 1:
            raise ValueError(f"steps: got {steps!r}, wanted a whole number ≥ 1")
        self._pause()
        self._step(steps)
        self._keep()

    def reset(self) -> None:
        """Pause, and return to the first weights. β and the learning rate stay."""
        self._pulse.at_home(self._reset)

    def record(
        self,
        steps: int,
        *,
        beta: float | Callable[[int], float] | None = None,
        frames: int = 60,
    ) -> Recording:
        """Take some steps and return the recording of all since the start.

        Args:
            steps: how many more.
            beta: the weight of the KL, or a function of the step; default as set.
            frames: how many pictures of them to take.
        """
        self._pause()
        begin = self._run.step
        for i in range(frames):
            until = begin + round((i + 1) * steps / frames)
            while self._run.step < until:
                if beta is not None:
                    at = self._run.step
                    self.beta = float(beta(at) if callable(beta) else beta)
                self._step(min(until - self._run.step, 10), picture=False)
            self._show(wait=False)
        self._keep()
        return self.recorded()

    def recorded(self) -> Recording:
        """What was shown since the start, at most 120 pictures of it."""
        return Recording(self._page, self._film.frames, curve_of(self.history))

    @property
    def history(self) -> dict[str, list[float]]:
        """Every 10 steps: ``"step"``, ``"beta"``, ``"lr"``, and the means of
        ``"objective"``, ``"elbo"``, ``"reconstruction"`` and ``"kl"`` since the
        entry before, in nats per example."""
        return self._drive.history

    def close(self) -> None:
        """Stop, and take it out of the page."""
        if hasattr(self, "_pulse"):  # __init__ may have failed
            self._pulse.stop()
        self.running = False
        super().close()

    @property
    def _run(self) -> Any:
        return self._drive.slices.run

    def _objective(self, model: Any, x: Tensor) -> Elbo:
        return elbo(model, x, beta=self.beta)

    def _restart(self) -> None:
        self.model.load_state_dict(self._first)
        self._drive = Drive(
            self.model,
            self._x,
            self._objective,
            lambda: {"beta": self.beta, "lr": self.lr},
            self._limit,
            batch_size=self._batch_size,
            seed=self._seed,
        )
        self._broken, self._says = False, ""
        self._film = Film(self._picture())
        self._keep()

    def _step(self, steps: int, picture: bool = True) -> None:
        self._mend()
        goal = self._run.step + steps
        while self._run.step < goal and not self._drive.ended:
            try:
                stopped = self._drive.advance(goal - self._run.step, PICTURE_EVERY)
            except TrainingDiverged:
                self._diverged()
                raise
            if picture:
                self._show()
            if stopped:
                self._keep()
                raise KeyboardInterrupt

    def _start(self) -> None:
        if self._drive.ended:
            return
        self._mend()
        self._pulse.stop()
        self._unseen_from, self._mail.heard = self._run.step, time.monotonic()
        self._pulse.loop = running_loop()
        if self._pulse.loop is None:
            self._step(UNSEEN_STEPS)
            self._keep()
            return
        self.running = True
        self._pulse.beat()

    def _pause(self) -> None:
        self._pulse.stop()
        if self.running:
            self.running = False
            self._keep()

    def _reset(self) -> None:
        self._pause()
        self._restart()

    def _mend(self) -> None:
        if self._broken:
            self._drive.slices.recover()
            self._broken, self._says = False, ""

    def _turn(self) -> None:
        """One slice, on the event loop."""
        self._pulse.timer = None
        if not self.running:
            return
        before = sigint_handler()
        try:
            stopped = self._drive.advance(inf, SLICE)
            if time.monotonic() - self._last_picture >= PICTURE_EVERY:
                self._show()
        except TrainingDiverged:
            self._diverged()
        except Exception as error:  # the model's own; nobody would see it here
            self._says = f"Training stopped: {type(error).__name__}: {error}"
            self._pause()
        except KeyboardInterrupt:  # let out, it would end the kernel
            self._pause()
        else:
            if stopped and callable(before):
                pass_on(before, self._pause)  # it was meant for a cell
            if self._drive.ended:
                self._pause()
        if self.running and not self._alone():
            self._pulse.beat()

    def _diverged(self) -> None:
        self._broken = True
        self._says = (
            f"Training diverged at step {self._run.step} with a learning rate of "
            f"{self.lr:.2g}: a term became NaN or infinite. The last good weights are "
            "back. Lower the learning rate, then start again."
        )
        self._pause()

    def _alone(self) -> bool:
        """Whether nobody answers."""
        if self._mail.visitor:
            return self._mail.silent
        return bool(self._run.step - self._unseen_from >= UNSEEN_STEPS)

    def _show(self, *, wait: bool = True) -> None:
        """Take a picture for the film and the page, unless nobody looks or too
        many are on their way."""
        self._last_picture = time.monotonic()
        if wait and self._mail.full:
            return
        frame = self._picture()
        self._film.add(frame)
        if not self._mail.full:
            self._mail.post(frame, curve_of(self.history))

    def _keep(self) -> None:
        """The present state as traits: for a page that opens later, and for one
        without a kernel."""
        frame = self._picture()
        self._film.end(frame)
        self._set_frames([frame], curve_of(self.history))

    def _hear(self, _: Any, said: Any, buffers: Any) -> None:
        """A message from the page; perhaps on another thread than the training."""
        if not isinstance(said, dict):
            return
        self._mail.heard = time.monotonic()
        if (op := said.get("op")) == "seen":
            self._mail.confirm(said.get("id", 0))
        doing = {
            "hello": self._welcome,
            "seen": self._wake,
            "start": self._start,
            "pause": self._pause,
            "reset": self._reset,
            "step": self._step_button,
        }
        if op in doing:
            self._pulse.at_home(doing[op])

    def _welcome(self) -> None:
        self._mail.welcome()
        self._mail.post(self._picture(), curve_of(self.history))
        self._wake()

    def _wake(self) -> None:
        if self.running:
            self._pulse.beat()

    def _step_button(self) -> None:
        try:
            self.step()
        except (Exception, KeyboardInterrupt) as error:
            self._says = self._says or f"{type(error).__name__}: {error}"

    def _picture(self) -> Frame:
        """The model as it is now."""
        last = self._drive.terms()
        about = {
            "step": self._run.step,
            "beta": self.beta,
            "lr": self.lr,
            "reconstruction": last.get("reconstruction"),
            "kl": last.get("kl"),
        }
        with self._drive.slices.looking():
            return self._camera.take(about)

    @traitlets.validate("beta", "lr")
    def _check(self, proposal: Any) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        if not isfinite(value) or value < 0 or (name == "lr" and not value):
            least = "≥ 0" if name == "beta" else "above 0, e.g. 4e-3"
            raise BadValue(f"{name}: got {value}, wanted a number {least}")
        return float(value)
