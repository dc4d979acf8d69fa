# SPDX-License-Identifier: MIT
"""The samples' networks in PyTorch, under the same names, from the settings that a sample's --json prints."""
import torch
from torch import nn


def norm_of(kind, features, groups, size=0):
    """Over rows [N, features], or images [N, features, size, size]."""
    shape = [features, size, size] if size else [features]
    made = {"batch": lambda: (nn.BatchNorm2d if size else nn.BatchNorm1d)(features), "layer": lambda: nn.LayerNorm(shape),
            "group": lambda: nn.GroupNorm(groups, features), "rms": lambda: nn.RMSNorm(shape)}
    return [made[kind]()] if kind != "none" else []


def make_mlp(settings, data):
    layers, width = [], data["train.x"].shape[1]
    for wider in (64, 32):
        layers += [nn.Linear(width, wider), *norm_of(settings["norm"], wider, 8), nn.ReLU()]
        width = wider
    return nn.Sequential(*layers, nn.Linear(width, 1))


def make_cnn(settings, data):
    """Each stage ends with a pooling, those of `simple` only in the end."""
    stages, hidden = {"simple": ([16, 16], 0), "sequential": ([64, 128], 512),
                      "cifar10": ([32, 64, 128], 512)}[settings["model"]]
    _, channels, size, _ = data["train.x"].shape
    norm, layers = settings["norm"], []
    for stage, wider in enumerate(stages):
        layers += [nn.Conv2d(channels, wider, 3, padding=1, bias=norm != "batch"), *norm_of(norm, wider, 4, size), nn.ReLU()]
        channels = wider
        if hidden or stage + 1 == len(stages):
            layers.append(nn.MaxPool2d(2))
            size //= 2
    layers.append(nn.Flatten())
    features = channels * size * size
    if hidden:
        layers += [nn.Linear(features, hidden), *norm_of(norm, hidden, 4), nn.ReLU()]
        features = hidden
    if settings["model"] == "cifar10":
        layers.append(nn.Dropout(settings["dropout"]))
    return nn.Sequential(*layers, nn.Linear(features, 10))


class Outputs(nn.LSTM):
    """The outputs of all steps, without the state."""

    def forward(self, x):
        return super().forward(x)[0]


class LastStep(nn.Module):
    def forward(self, x):
        return x[:, -1]


def make_rnn(settings, data):
    _, _, pixels = data["train.x"].shape
    hidden = 64
    return nn.Sequential(Outputs(pixels, hidden, batch_first=True), *norm_of(settings["norm"], hidden, 0), LastStep(),
                         nn.Linear(hidden, 10))


class Positions(nn.Module):
    def __init__(self, context, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(context, width))

    def forward(self, x):
        return x + self.weight[:x.shape[1]]


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(-2))


class Residual(nn.Module):
    def __init__(self, *f):
        super().__init__()
        self.f = nn.Sequential(*f)

    def forward(self, x):
        return x + self.f(x)


def make_transformer(settings, data):
    width, ffn = settings["width"], settings["ffn"]
    characters = 1 + max(int(data[f"{split}.tokens"].max()) for split in ("train", "test"))

    def norm():
        return norm_of(settings["norm"], width, 0)

    def dropout():
        return nn.Dropout(settings["dropout"])

    layers = [nn.Embedding(characters, width), Positions(settings["context"], width), dropout()]
    for _ in range(settings["blocks"]):
        layers += [Residual(*norm(), Attention(width, settings["heads"]), dropout()),
                   Residual(*norm(), nn.Linear(width, ffn), nn.GELU(), nn.Linear(ffn, width), dropout())]
    return nn.Sequential(*layers, *norm(), nn.Linear(width, characters))


def binary_loss(logits, targets):
    return nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets.to(logits.dtype))


def class_loss(logits, targets):
    return nn.functional.cross_entropy(logits.flatten(0, -2), targets.flatten())


def binary_right(logits, targets):
    return (logits[:, 0] > 0) == (targets > 0)


def class_right(logits, targets):
    return logits.argmax(-1) == targets


class Records:
    """Rows of tables."""

    def __init__(self, data, settings):
        del settings
        self.x = {split: data[f"{split}.x"] for split in ("train", "test")}
        self.targets = {split: data[f"{split}.targets"] for split in ("train", "test")}

    def draw(self, split, index):
        return self.x[split][index], self.targets[split][index]

    def test_numbers(self):
        return torch.arange(len(self.x["test"]))


class Text:
    """Windows of a text, and of the same one place on: for training from every place, for the test one behind the
    other."""

    def __init__(self, data, settings):
        self.tokens = {split: data[f"{split}.tokens"] for split in ("train", "test")}
        self.context = settings["context"]

    def draw(self, split, index):
        start = index * (1 if split == "train" else self.context)
        at = start[:, None] + torch.arange(self.context)
        return self.tokens[split][at], self.tokens[split][at + 1]

    def test_numbers(self):
        return torch.arange((len(self.tokens["test"]) - 1) // self.context)


class Network:
    """How a sample's network is made, fed, judged and moved; program is the sample, with its options."""

    def __init__(self, program, make, source=Records, loss=class_loss, right=class_right, optimizer=torch.optim.Adam):
        self.program, self.make, self.source, self.loss, self.right = program, make, source, loss, right
        self.optimizer = optimizer


NETWORKS = {"mlp": Network(["mlp"], make_mlp, loss=binary_loss, right=binary_right),
            "cnn": Network(["cnn", "--dropout", "0"], make_cnn),
            "cnn-simple": Network(["cnn", "--model", "simple"], make_cnn),
            "rnn": Network(["rnn"], make_rnn),
            "transformer": Network(["transformer"], make_transformer, source=Text, optimizer=torch.optim.AdamW)}
