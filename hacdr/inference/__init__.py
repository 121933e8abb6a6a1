"""From a photograph to its label map and to an overlay to look at.

Its modules import torch where they need it: what runs on onnxruntime works without.
"""
