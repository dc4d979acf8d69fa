# SPDX-License-Identifier: MIT
"""The samples' networks in PyTorch, under the same names, from the settings that a sample's --json prints."""
import torch
from torch import nn


def norm_of_rows(kind, width):
    """Over [N, width]."""
    made = {"batch": lambda: nn.BatchNorm1d(width), "layer": lambda: nn.LayerNorm(width),
            "group": lambda: nn.GroupNorm(8, width), "rms": lambda: nn.RMSNorm(width)}
    return [made[kind]()] if kind != "none" else []


def make_mlp(settings, data):
    layers, width = [], data["train.x"].shape[1]
    for wider in (64, 32):
        layers += [nn.Linear(width, wider), *norm_of_rows(settings["norm"], wider), nn.ReLU()]
        width = wider
    return nn.Sequential(*layers, nn.Linear(width, 1))


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
    """How a sample's network is made, fed and judged; options are what the sample is run with."""

    def __init__(self, make, options=(), source=Records, loss=class_loss, right=class_right):
        self.make, self.options, self.source, self.loss, self.right = make, list(options), source, loss, right


NETWORKS = {"mlp": Network(make_mlp, loss=binary_loss, right=binary_right)}
