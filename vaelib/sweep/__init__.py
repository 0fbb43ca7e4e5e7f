"""Many models that differ in β and seed, trained by the same ``fit``.

``grid`` is :func:`sweep`; ``jobs`` says which models one ``fit`` trains; ``table``
is what is told about them; ``checks`` looks at the arguments.
"""

from vaelib.sweep.grid import Sweep, sweep
from vaelib.sweep.table import Table

__all__ = ["Sweep", "Table", "sweep"]
