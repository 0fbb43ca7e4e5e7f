"""A progress bar for a run."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

from vaelib.training.run import Run


class Bar:
    """A progress bar that costs a look at the clock per step."""

    def __init__(self, run: Run, show: bool):
        self.run = run
        self.tqdm = tqdm(
            total=run.total, initial=run.step, unit="step", disable=not show
        )
        self._last = -math.inf

    def update(self, *, now: bool = False) -> None:
        if self.tqdm.disable or not (now or time.monotonic() - self._last > 0.1):
            return
        self._last = time.monotonic()
        self.run.gather()
        means = self.run.current or {k: v[-1] for k, v in self.run.history.items()}
        key = "elbo" if "elbo" in means else next(iter(means), "")
        text = f"{key} {means[key]:.1f} nats" if key else ""
        self.tqdm.set_postfix_str(text, refresh=False)
        self.tqdm.update(self.run.step - self.tqdm.n)


@contextmanager
def progress_bar(run: Run, show: bool) -> Iterator[Bar]:
    """A bar that is closed at the end, whatever happens."""
    bar = Bar(run, show)
    try:
        yield bar
    finally:
        bar.tqdm.close()
