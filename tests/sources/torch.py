"""PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sources.recipe import Answers, Recipe
from sources.tables import Table, digits, matrix, pictures, tokens


def given(table: Any) -> list[Any]:
    """The columns of arrays as tensors, or all columns side by side as one."""
    import torch

    return [torch.from_numpy(each) for each in (table.values() if isinstance(table, dict) else [matrix(table)])]


def answers(network: Any, table: Any) -> Answers:
    """What the module returns in evaluation."""
    import torch

    with torch.no_grad():
        return Answers(None, np.asarray(network.eval()(*given(table))))


def trained(make: Callable[[], Any]) -> Callable[[Table], Any]:
    """A few steps: enough that the weights are nobody's guess."""

    def fit(table: Table) -> Any:
        import torch

        torch.manual_seed(0)
        network, target = make().train(), torch.from_numpy(table.target)
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        for _ in range(10):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(*given(table.train)), target).backward()
            optimizer.step()
        return network.eval()

    return fit


def layers() -> Any:
    """Layers over columns."""
    from torch import nn

    return nn.Sequential(nn.BatchNorm1d(64), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 10), nn.Softmax(1))


def convolutions() -> Any:
    """Convolution, pooling and dropout over pictures of 8 by 8."""
    from torch import nn

    steps = [nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(72, 10)]
    return nn.Sequential(*steps)


def transformer() -> Any:
    """An embedding and attention over tokens, with a weight each."""
    import torch
    from torch import nn

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(129, 16)
            layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(16, 10)

        def forward(self, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            read = self.encoder(self.embedding(tokens) * weights.unsqueeze(2))
            return self.head(read.mean(dim=1))

    return Reader()


def recipes() -> list[Recipe]:
    """All of them."""
    return [
        Recipe("PyTorch", "linear layers", digits, trained(layers), answers),
        Recipe("PyTorch", "convolutions", lambda: pictures(channels_last=False), trained(convolutions), answers),
        Recipe("PyTorch", "embedding and transformer", tokens, trained(transformer), answers),
    ]
