"""Networks that PyTorch made, over images, token ids and series: the models that it exports, and what it says itself."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from models import Array, Feed

VOCABULARY = 50


class Digits(nn.Module):
    """Images [N, 1, 8, 8] of a digit to the probabilities [N, 10] of each."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 8, 3, padding=1)
        self.normalization = nn.BatchNorm2d(8)
        self.head = nn.Linear(8 * 4 * 4, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(torch.relu(self.normalization(self.convolution(image))), 2)
        return torch.softmax(self.head(x.flatten(1)), 1)


class Encoder(nn.Module):
    """Token ids [N, T], a series [N, T, 4] beside them and what is known of the row [N, 3], to scores [N, 2] and states [N, T, 16]."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16)
        self.series = nn.Linear(4, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16 + 3, 2)

    def forward(self, ids: Tensor, series: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        states = self.encoder(self.embedding(ids) + self.series(series))
        return self.head(torch.cat([states.mean(1), known], 1)), states


class Photographs(nn.Module):
    """Bytes [N, H, W, 3] of pictures of any size, as files hold them, to [N, 5]: the cast, the scale and the channels are in the model."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 6, 3, stride=2)
        self.head = nn.Linear(6, 5)

    def forward(self, picture: Tensor) -> Tensor:
        x = (picture.to(torch.float32) / 255).permute(0, 3, 1, 2)
        return self.head(torch.relu(self.convolution(x)).mean((2, 3)))


def _seeded(network: type[nn.Module]) -> nn.Module:
    torch.manual_seed(3)
    return network().eval()


@functools.cache
def digits() -> tuple[Array, Array]:
    """Images, float32 [1797, 1, 8, 8] from 0 to 1, and their digits."""
    images, labels = load_digits(return_X_y=True)
    return (images / 16).reshape(-1, 1, 8, 8).astype(np.float32), labels


@functools.cache
def digit_network() -> nn.Module:
    network = _seeded(Digits).train()
    images, labels = (torch.from_numpy(each) for each in digits())
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.nll_loss(network(images).log(), labels).backward()
        optimizer.step()
    return network.eval()


def _exported(network: nn.Module, example: tuple[Tensor, ...], names: list[str], outputs: list[str], free: tuple[Any, ...]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch uses parts of itself that it deprecates
        program = torch.onnx.export(
            network,
            example,
            input_names=names,
            output_names=outputs,
            dynamic_shapes=free,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


_N, _T, _H, _W = (torch.export.Dim(name) for name in ("N", "T", "H", "W"))


@functools.cache
def digit_model() -> bytes:
    return _exported(digit_network(), (torch.zeros(3, 1, 8, 8),), ["image"], ["probabilities"], ({0: _N},))


@functools.cache
def half_digit_model() -> bytes:
    network = _seeded(Digits)
    network.load_state_dict(digit_network().state_dict())
    image = torch.zeros(3, 1, 8, 8, dtype=torch.float16)
    return _exported(network.half(), (image,), ["image"], ["probabilities"], ({0: _N},))


@functools.cache
def encoder() -> nn.Module:
    return _seeded(Encoder)


@functools.cache
def encoder_model() -> bytes:
    example = (torch.zeros(3, 5, dtype=torch.int64), torch.zeros(3, 5, 4), torch.zeros(3, 3))
    free = ({0: _N, 1: _T}, {0: _N, 1: _T}, {0: _N})
    return _exported(encoder(), example, ["ids", "series", "known"], ["scores", "states"], free)


def encoder_feed(n_rows: int, n_steps: int) -> Feed:
    rng = np.random.default_rng(n_steps)
    return {
        "ids": rng.integers(0, VOCABULARY, (n_rows, n_steps)),
        "series": rng.normal(0, 1, (n_rows, n_steps, 4)).astype(np.float32),
        "known": rng.normal(0, 1, (n_rows, 3)).astype(np.float32),
    }


@functools.cache
def photograph_network() -> nn.Module:
    return _seeded(Photographs)


@functools.cache
def photograph_model() -> bytes:
    example = (torch.zeros(3, 12, 16, 3, dtype=torch.uint8),)
    return _exported(photograph_network(), example, ["picture"], ["scores"], ({0: _N, 1: _H, 2: _W},))


def photographs(n_rows: int, height: int, width: int) -> Array:
    return np.random.default_rng(height).integers(0, 256, (n_rows, height, width, 3)).astype(np.uint8)


def said(network: nn.Module, *inputs: Array) -> list[Array]:
    """What PyTorch says."""
    with torch.no_grad():
        answers = network(*(torch.from_numpy(each) for each in inputs))
    return [each.numpy() for each in (answers if isinstance(answers, tuple) else (answers,))]
