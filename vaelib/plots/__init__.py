"""The course's pictures: one function each, and a text for those who cannot see.

Every function returns a :class:`Picture`, a matplotlib ``Figure`` that carries
its own alternative text in ``picture.alt``; :func:`show` displays it. The style
is set only while a picture is made or drawn, so a reader's own matplotlib
settings stay as they are, and nothing goes through pyplot's global list of
figures.

A picture of your own::

    picture, ax = vl.plots.figure(title="KL against σ")
    ax.plot(sigma, kl)
    ax.set(xlabel="σ", ylabel="KL / nats")
    vl.show(picture, alt="The KL divergence is lowest at σ = 1, where it is 0.")
"""

from vaelib.plots.anatomy import anatomy
from vaelib.plots.bottleneck import bottleneck
from vaelib.plots.collapse import diagnosis, swapped
from vaelib.plots.curves import history
from vaelib.plots.densities import mixture, prior_and_posterior
from vaelib.plots.evidence import evidence
from vaelib.plots.exchange import exchange
from vaelib.plots.figures import (
    CLASS_COLOURS,
    COLOURS,
    Picture,
    figure,
    show,
    style,
)
from vaelib.plots.latent import latent_scatter, manifold, quantile_grid
from vaelib.plots.latent_space import regular_and_irregular
from vaelib.plots.network_maps import network_maps
from vaelib.plots.one_pixel import one_pixel
from vaelib.plots.projection import projection
from vaelib.plots.pulls import pulls
from vaelib.plots.rotated_axes import rotated_axes
from vaelib.plots.tiles import images, reconstructions, samples
from vaelib.plots.two_graphs import two_graphs

__all__ = [
    "CLASS_COLOURS",
    "COLOURS",
    "Picture",
    "anatomy",
    "bottleneck",
    "diagnosis",
    "evidence",
    "exchange",
    "figure",
    "history",
    "images",
    "latent_scatter",
    "manifold",
    "mixture",
    "network_maps",
    "one_pixel",
    "prior_and_posterior",
    "projection",
    "pulls",
    "quantile_grid",
    "reconstructions",
    "regular_and_irregular",
    "rotated_axes",
    "samples",
    "show",
    "style",
    "swapped",
    "two_graphs",
]
