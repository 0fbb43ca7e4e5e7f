"""One table of layers: what there is to know of each, besides training it.

:data:`TABLE` has an :class:`Entry` for each kind of layer: how it is described to a
page (the functions that evaluate the description there are the ``.js`` files of this
folder, one for each ``op``, named after it), and how several of it are stacked into
one. A new layer is an entry here, and at most a ``.js`` file.
"""

from typing import Any

from torch import nn

from vaelib.layers import (
    convolution,
    dense,
    heads,
    normalisation,
    pointwise,
    sequence,
)
from vaelib.layers.entry import Entry

TABLE: dict[type[nn.Module], Entry[Any]] = {
    **dense.LAYERS,
    **pointwise.LAYERS,
    **convolution.LAYERS,
    **normalisation.LAYERS,
    **sequence.LAYERS,
    **heads.LAYERS,
}
