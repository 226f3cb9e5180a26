"""Loads the model of a run of `ae train vanilla` into PyTorch: python load_in_pytorch.py runs/vanilla/…"""

import sys

from safetensors.torch import load_file
from torch import allclose, nn

tensors = load_file(f"{sys.argv[1]}/model.safetensors")
(width, pixels), shape = tensors["model.encoder.1.weight"].shape, tensors["golden.rows"].shape[1:]
model = nn.ModuleDict({  # layer by layer as in record.json; the number in a tensor's name is that of its layer
    "encoder": nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), nn.ReLU()),
    "decoder": nn.Sequential(nn.Linear(width, pixels), nn.Sigmoid(), nn.Unflatten(1, shape)),
})
model.load_state_dict({name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")})

# The file holds eight rows with the errors that the model had on them, so what was loaded can be checked.
rows = tensors["golden.rows"]
errors = (model["decoder"](model["encoder"](rows)) - rows).square().flatten(1).mean(1)
assert allclose(errors, tensors["golden.errors"], rtol=1e-4), "the layers are not those of the run"
print(f"loaded: {pixels} values, a code of {width}, and the errors of {len(rows)} stored rows agree")
