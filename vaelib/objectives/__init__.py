"""What is maximised, and the bounds that tell how good it is.

Every result is in nats per example, ``(B,)``: summed over dimensions, never
averaged, constants kept. So it does not depend on the batch's size, and no β
hides in a mean. All of them are to be *maximised*; ``vaelib.fit`` descends the
negative of their mean.
"""

from vaelib.objectives.anneal import Annealed, anneal
from vaelib.objectives.bound import Elbo, elbo
from vaelib.objectives.importance import iwae, log_likelihood
from vaelib.objectives.kl import kl_standard_normal
from vaelib.objectives.latent import LatentModel
from vaelib.objectives.squared_error import Reconstructing, reconstruction

__all__ = [
    "Annealed",
    "Elbo",
    "LatentModel",
    "Reconstructing",
    "anneal",
    "elbo",
    "iwae",
    "kl_standard_normal",
    "log_likelihood",
    "reconstruction",
]
