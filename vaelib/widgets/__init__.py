"""What you drag: widgets whose decoder is evaluated in the page, with the kernel
as the fallback. Each takes a model (and data) and works from the keyboard."""

from vaelib.widgets.beta_explorer import BetaExplorer
from vaelib.widgets.component_sliders import ComponentSliders
from vaelib.widgets.draw_and_encode import DrawAndEncode
from vaelib.widgets.elbo_gap import ElboGap
from vaelib.widgets.latent_arithmetic import LatentArithmetic
from vaelib.widgets.latent_pad import LatentPad
from vaelib.widgets.latent_sliders import LatentSliders
from vaelib.widgets.likelihood_pad import LikelihoodPad
from vaelib.widgets.live_training import LiveTraining
from vaelib.widgets.live_units import LiveUnits
from vaelib.widgets.mixture_fit import MixtureFit
from vaelib.widgets.pad_pair import PadPair
from vaelib.widgets.path_on_plane import PathOnPlane
from vaelib.widgets.predict import Prediction
from vaelib.widgets.receptive_field import ReceptiveField
from vaelib.widgets.recording import Recording
from vaelib.widgets.reparameterise import Reparameterise
from vaelib.widgets.samples_wall import SamplesWall
from vaelib.widgets.travel import CannotTravel
from vaelib.widgets.traversals import Traversals
from vaelib.widgets.two_gaussians import TwoGaussians

__all__ = [
    "BetaExplorer",
    "CannotTravel",
    "ComponentSliders",
    "DrawAndEncode",
    "ElboGap",
    "LatentArithmetic",
    "LatentPad",
    "LatentSliders",
    "LikelihoodPad",
    "LiveTraining",
    "LiveUnits",
    "MixtureFit",
    "PadPair",
    "PathOnPlane",
    "Prediction",
    "ReceptiveField",
    "Recording",
    "Reparameterise",
    "SamplesWall",
    "Traversals",
    "TwoGaussians",
]
