"""What you drag: widgets whose decoder is evaluated in the page, with the kernel
as the fallback. Each takes a model (and data) and works from the keyboard."""

from vaelib.widgets.latent_pad import LatentPad

__all__ = ["LatentPad"]
