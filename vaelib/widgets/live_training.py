"""A model that trains while it is watched."""

import asyncio
import signal
import threading
import time
import weakref
from collections.abc import Callable
from math import inf, isfinite
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from vaelib.data import as_tensor
from vaelib.devices import resolve_device
from vaelib.objectives import Elbo, elbo
from vaelib.plots import CLASS_COLOURS
from vaelib.training import Slices, TrainingDiverged
from vaelib.widgets.recording import Frame, Recording, Watched
from vaelib.widgets.scene import plane_of
from vaelib.widgets.subject import subject_of

# The kernel's other work waits at most for one slice, and gets its turn in the rest.
SLICE, REST = 0.03, 0.004
PICTURE_EVERY = 0.08  # seconds
IN_FLIGHT = 3  # pictures on their way to the page
UNSEEN_STEPS = 300  # as long as no page ever answered: a test, a script
UNSEEN_SECONDS = 5.0  # without an answer: the tab was closed
MOST_FRAMES = 120  # in a recording; then every second one goes
ROWS = 300  # points of a curve
POINTS = 1000  # dots on the plane
EXAMPLES = 8
HALVES = (4, 6, 10, 16, 24, 40, 60, 100, 160, 240, 400, 1000)
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
        self.model = _model(build_or_model, seed).to(x.device)
        self._x, self._batch_size, self._seed = x, batch_size, seed
        self._limit = inf if steps is None else steps
        self._subject = subject_of(self.model, data, image_shape=image_shape, seed=seed)
        self._format = self._subject.format()
        self._first = {k: v.clone() for k, v in self.model.state_dict().items()}
        self._thread = threading.get_ident()
        self._loop = _running_loop()
        self._timer: asyncio.Handle | None = None
        self._sent, self._seen, self._last_picture = 0, 0, -inf
        self._visitor, self._heard, self._unseen_from = False, -inf, 0
        super().__init__(beta=float(beta), lr=float(lr), _live=True)
        self._page = self._describe()
        self._restart()
        self.on_msg(self._hear)

    # ------------------------------------------------------------- what it does

    def start(self) -> None:
        """Train on, in the background where there is an event loop."""
        self._at_home(self._start)

    def pause(self) -> None:
        """Stop after the step under way."""
        self._at_home(self._pause)

    def step(self, steps: int = 1) -> None:
        """Pause, take some steps, and return when they are taken."""
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ValueError(f"steps: got {steps!r}, wanted a whole number ≥ 1")
        self._pause()
        self._step(steps)
        self._keep()

    def reset(self) -> None:
        """Pause, and return to the first weights. β and the learning rate stay."""
        self._at_home(self._reset)

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
                chunk = min(until - self._run.step, 10)
                self._step(chunk, picture=False)
            self._show(wait=False)
        self._keep()
        return self.recorded()

    def recorded(self) -> Recording:
        """What was shown since the start, at most 120 pictures of it."""
        return Recording(self._page, self._film, self._rows())

    @property
    def history(self) -> dict[str, list[float]]:
        """Every 10 steps: ``"step"``, ``"beta"``, ``"lr"``, and the means of
        ``"objective"``, ``"elbo"``, ``"reconstruction"`` and ``"kl"`` since the
        entry before, in nats per example."""
        return {**self._settings, **self._run.history}

    def close(self) -> None:
        """Stop, and take it out of the page."""
        if getattr(self, "_timer", None) is not None:  # __init__ may have failed
            self._cancel()
        self.running = False
        super().close()

    # --------------------------------------------------------------- the engine

    @property
    def _run(self) -> Any:
        return self._slices.run

    def _objective(self, model: Any, x: Tensor) -> Elbo:
        return elbo(model, x, beta=self.beta)

    def _restart(self) -> None:
        self.model.load_state_dict(self._first)
        self._slices = Slices(
            self.model,
            self._x,
            self._objective,
            batch_size=self._batch_size,
            lr=self.lr,
            seed=self._seed,
        )
        self._settings: dict[str, list[float]] = {"step": [], "beta": [], "lr": []}
        self._film: list[Frame] = []
        self._stride, self._count = 1, 0  # of pictures kept, of pictures taken
        self._half: float = HALVES[0]
        self._broken, self._says = False, ""
        self._film.append(self._picture())
        self._keep()

    def _advance(self, steps: float, seconds: float) -> bool:
        """Steps up to the next entry of the history at a time, each with the β and
        learning rate of the moment. Tells whether Ctrl-C came."""
        end, run = time.monotonic() + seconds, self._run
        goal = min(run.step + steps, self._limit)
        while run.step < goal:
            part = int(min(goal - run.step, 10 - run.step % 10))
            self._slices.lr = self.lr
            stopped = self._slices.advance(part, max(0.0, end - time.monotonic()))
            if run.step % 10 == 0:
                for name in self._settings:
                    value = run.step if name == "step" else getattr(self, name)
                    self._settings[name].append(float(value))
            if stopped:
                return True
            if time.monotonic() >= end:
                break
        return False

    def _step(self, steps: int, picture: bool = True) -> None:
        self._mend()
        goal = min(self._run.step + steps, self._limit)
        while self._run.step < goal:
            try:
                stopped = self._advance(goal - self._run.step, PICTURE_EVERY)
            except TrainingDiverged:
                self._diverged()
                raise
            if picture:
                self._show()
            if stopped:
                self._keep()
                raise KeyboardInterrupt

    def _start(self) -> None:
        if self._run.step >= self._limit:
            return
        self._mend()
        self._cancel()
        self._unseen_from, self._heard = self._run.step, time.monotonic()
        self._loop = _running_loop()
        if self._loop is None:
            self._step(UNSEEN_STEPS)
            self._keep()
            return
        self.running = True
        self._schedule()

    def _pause(self) -> None:
        self._cancel()
        if self.running:
            self.running = False
            self._keep()

    def _reset(self) -> None:
        self._pause()
        self._restart()

    def _mend(self) -> None:
        if self._broken:
            self._slices.recover()
            self._broken, self._says = False, ""

    def _schedule(self) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(REST, _turn, weakref.ref(self))

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        """One slice, on the event loop."""
        self._timer = None
        if not self.running:
            return
        before = _sigint()
        try:
            stopped = self._advance(inf, SLICE)
            if self._due():
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
                _pass_on(before, self._pause)  # it was meant for a cell
            if self._run.step >= self._limit:
                self._pause()
        if self.running and not self._alone():
            self._schedule()

    def _diverged(self) -> None:
        self._broken = True
        self._says = (
            f"Training diverged at step {self._run.step} with a learning rate of "
            f"{self.lr:.2g}: a term became NaN or infinite. The last good weights are "
            "back. Lower the learning rate, then start again."
        )
        self._pause()

    # ------------------------------------------------------------- with the page

    def _due(self) -> bool:
        return time.monotonic() - self._last_picture >= PICTURE_EVERY

    def _alone(self) -> bool:
        """Whether nobody answers."""
        if not self._visitor:
            return bool(self._run.step - self._unseen_from >= UNSEEN_STEPS)
        silent = time.monotonic() - self._heard > UNSEEN_SECONDS
        return silent and self._sent > self._seen

    def _show(self, *, wait: bool = True) -> None:
        """Take a picture for the film and the page, unless nobody looks or too
        many are on their way."""
        self._last_picture = time.monotonic()
        full = not self._visitor or self._sent - self._seen >= IN_FLIGHT
        if full and wait:
            return
        frame = self._picture()
        self._count += 1
        if self._count % self._stride == 0:
            self._film.append(frame)
        if len(self._film) > MOST_FRAMES:
            self._film = self._film[::2]
            self._stride *= 2
        if not full:
            self._post(frame)

    def _post(self, frame: Frame) -> None:
        if not self._visitor:
            return
        self._sent += 1
        curve = self._rows().tobytes()
        message = {"op": "picture", "id": self._sent, **frame.about}
        self.send(message, [frame.codes, frame.pixels, curve])

    def _keep(self) -> None:
        """The present state as traits: for a page that opens later, and for one
        without a kernel."""
        frame = self._picture()
        if frame.about["step"] != self._film[-1].about["step"]:
            self._film.append(frame)
        self._set_frames([frame], self._rows())

    def _hear(self, _: Any, said: Any, buffers: Any) -> None:
        """A message from the page; perhaps on another thread than the training."""
        if not isinstance(said, dict):
            return
        self._heard = time.monotonic()
        match said.get("op"):
            case "hello":
                self._at_home(self._welcome)
            case "seen":
                self._seen = max(self._seen, min(int(said.get("id", 0)), self._sent))
                if self._timer is None and self.running:
                    self._at_home(self._wake)
            case "start":
                self._at_home(self._start)
            case "pause":
                self._at_home(self._pause)
            case "reset":
                self._at_home(self._reset)
            case "step":
                self._at_home(self._step_button)

    def _welcome(self) -> None:
        self._visitor = True
        self._seen = self._sent
        self._post(self._picture())
        self._wake()

    def _wake(self) -> None:
        if self.running:
            self._schedule()

    def _step_button(self) -> None:
        try:
            self.step()
        except (Exception, KeyboardInterrupt) as error:
            self._says = self._says or f"{type(error).__name__}: {error}"

    def _at_home(self, do: Callable[[], None]) -> None:
        """Call it on the thread that trains: JupyterLab may deliver messages on
        another."""
        away = threading.get_ident() != self._thread
        if away and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(do)
        else:
            do()

    # ----------------------------------------------------------------- pictures

    def _picture(self) -> Frame:
        """The model as it is now."""
        subject = self._subject
        with self._slices.looking():
            z = plane_of(subject.encode(self._shown))
            x = subject.decode(subject.encode(self._examples))
            self._half = _half(z, self._half)
            place = ((z / self._half + 1) / 2).nan_to_num(0.5).clamp(0, 1) * 65535
            codes = place.round().numpy().astype("<u2").tobytes()
            pixels = self._format.side_by_side(x)
        last = self._terms()
        about = {
            "step": self._run.step,
            "beta": self.beta,
            "lr": self.lr,
            "half": self._half,
            "reconstruction": last.get("reconstruction"),
            "kl": last.get("kl"),
        }
        return Frame(about, codes, pixels)

    def _terms(self) -> dict[str, float]:
        """The newest means of both terms; none before the first step."""
        if self._run.history:
            return {k: v[-1] for k, v in self._run.history.items()}
        self._run.gather()
        current: dict[str, float] = self._run.current
        return current

    def _rows(self) -> np.ndarray:
        """The curves: step, reconstruction, KL, β; at most 300 rows."""
        history = self.history
        if "kl" not in history:
            return np.zeros((0, 4), "<f4")
        names = ("step", "reconstruction", "kl", "beta")
        # While a slice is under way, one column may be a row ahead.
        least = min(len(history[name]) for name in names)
        rows = np.array([history[name][:least] for name in names]).T
        group = -(-least // ROWS)
        parts = [rows[i : i + group] for i in range(0, least, group)]
        means = [[p[-1, 0], p[:, 1].mean(), p[:, 2].mean(), p[-1, 3]] for p in parts]
        return np.array(means).reshape(-1, 4).astype("<f4")

    def _describe(self) -> dict[str, Any]:
        """What does not change: examples, classes, sliders."""
        subject = self._subject.first(POINTS)
        few = len(subject.class_names) <= 12
        classes = subject.classes if few else torch.zeros_like(subject.classes)
        chosen = subject.of_each(EXAMPLES)
        self._shown, self._examples = subject.x, subject.x[chosen]
        channels, height, width = self._format.shape
        return {
            "shape": (channels, height, width * len(chosen)),
            "count": len(chosen),
            "originals": self._format.side_by_side(self._examples),
            "classes": classes.numpy().astype("u1").tobytes(),
            "names": list(subject.class_names) if few else [],
            "colours": CLASS_COLOURS,
            "rings": [1, 2, 3] if subject.standard_prior() else [],
            "sliders": {
                "beta": [*BETAS, self.beta or 1.0],
                "lr": [*RATES, self.lr],
            },
        }

    # ------------------------------------------------------------------- checks

    @traitlets.validate("beta")
    def _check_beta(self, proposal: Any) -> float:
        beta: float = proposal["value"]
        if not (isfinite(beta) and beta >= 0):
            raise ValueError(f"beta: got {beta}, wanted a number ≥ 0")
        return beta

    @traitlets.validate("lr")
    def _check_lr(self, proposal: Any) -> float:
        lr: float = proposal["value"]
        if not (isfinite(lr) and lr > 0):
            raise ValueError(f"lr: got {lr}, wanted a positive number, e.g. 4e-3")
        return lr


def _turn(widget: "weakref.ref[LiveTraining]") -> None:
    # Through a weak reference: a timer must not keep a widget alive.
    training = widget()
    if training is not None:
        training._turn()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _sigint() -> Any:
    main = threading.current_thread() is threading.main_thread()
    return signal.getsignal(signal.SIGINT) if main else None


def _pass_on(handler: Callable[..., Any], otherwise: Callable[[], None]) -> None:
    try:
        handler(signal.SIGINT, None)
    except KeyboardInterrupt:
        otherwise()


def _model(given: Any, seed: int) -> nn.Module:
    if not isinstance(given, nn.Module) and callable(given):
        given = given(seed)
    if not isinstance(given, nn.Module) or not hasattr(given, "posterior"):
        raise TypeError(
            f"build_or_model: got {type(given).__name__}, wanted a vl.VAE or a "
            "function of a seed that builds one"
        )
    return given


def _half(z: Tensor, before: float) -> float:
    """Half the plane's width: it grows at once and shrinks late, so that it does
    not flicker."""
    reach = float(z.abs().nan_to_num(0).flatten().quantile(0.99))
    fits = next((h for h in HALVES if h >= reach), HALVES[-1])
    return before if fits <= before and reach > 0.5 * before else fits
