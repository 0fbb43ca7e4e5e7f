import pytest
import torch

from vaelib.devices import resolve_device


def test_auto_takes_the_best_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device() == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")


def test_a_named_device_must_exist(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda") == torch.device("cuda")
    assert resolve_device(torch.device("cuda:1")) == torch.device("cuda:1")
    with pytest.raises(ValueError, match=r"'cuda:2' is not available.*'cuda:1'"):
        resolve_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"sees 'cpu'. Use device='auto'"):
        resolve_device("cuda")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:x", None, 3.5])
def test_what_is_no_device_is_refused(device):
    with pytest.raises(ValueError, match=r"is not a device. Use 'auto'"):
        resolve_device(device)


def test_a_device_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="'meta' is not available"):
        resolve_device("meta")
