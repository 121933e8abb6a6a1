"""What can be tested of it without the package onnx."""

import pytest

from hacdr.errors import InputError
from hacdr.inference import onnx_export


def test_a_torch_that_ends_at_an_older_opset(monkeypatch):
    # torch 2.11 ends at 20, torch 2.1 at 17.
    monkeypatch.setattr(onnx_export, 'OPSET', 21)
    with pytest.raises(InputError, match=r'does not write opset 21 .*current stack'):
        onnx_export._check_packages()
