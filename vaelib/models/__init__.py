"""Models: an encoder and a decoder put together. No loss, no loop."""

from vaelib.models.autoencoder import Autoencoder
from vaelib.models.builders import conv_vae, mlp_vae
from vaelib.models.conditional import ConditionalVAE, in_parts
from vaelib.models.vae import VAE

__all__ = ["VAE", "Autoencoder", "ConditionalVAE", "conv_vae", "in_parts", "mlp_vae"]
