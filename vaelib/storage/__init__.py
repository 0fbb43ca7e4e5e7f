"""Models on disk: safetensors and JSON, never a pickle."""

from vaelib.storage.files import check_writable, read_safetensors, write_safetensors
from vaelib.storage.models import load_model, save

__all__ = [
    "check_writable",
    "load_model",
    "read_safetensors",
    "save",
    "write_safetensors",
]
