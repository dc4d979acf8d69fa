#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the samples' networks in PyTorch from the same initial weights with the same batches, and compares.

Runs the sample (--save-init, --save-batches, --steps-csv), reads the weights, and feeds PyTorch the batches that the
sample has drawn. Prints the losses of the first steps side by side: the sample's, PyTorch's in float32, and how far both
are from PyTorch's in float64; then the test accuracy and loss after the whole training for each seed, and the time of an
epoch."""
import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import options

try:
    import torch

    import train_networks
except ImportError as missing:
    torch = None
    reason = missing

SHOWN = (1, 2, 3, 5, 10, 20, 30, 40, 50)


def read_tensors(path):
    """A .safetensors file: the header's size (u64), a JSON header, and the tensors' bytes."""
    dtypes = {"F32": torch.float32, "I64": torch.int64}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    return {name: torch.frombuffer(data[slice(*about["data_offsets"])], dtype=dtypes[about["dtype"]])
            .reshape(about["shape"]) for name, about in header.items()}


def run_sample(chosen, network, seed, folder):
    """The sample's settings and result, initial weights, data with the order of batches, and loss of each step."""
    files = {key: os.path.join(folder, key) for key in ("init", "batches", "steps")}
    sample = network.program[0]
    command = [os.path.join(chosen.build, "samples", sample, sample), *network.program[1:], "--seed", str(seed), "--json",
               "--save-init", files["init"], "--save-batches", files["batches"], "--steps-csv", files["steps"]]
    if chosen.epochs:
        command += ["--epochs", str(chosen.epochs)]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    with open(files["steps"], encoding="ascii", newline="") as file:
        losses = [float(row["train_loss"]) for row in csv.DictReader(file)]
    return result, read_tensors(files["init"]), read_tensors(files["batches"]), losses


class Training:
    """One training in PyTorch."""

    def __init__(self, network, settings, weights, data, dtype):
        self.network, self.order = network, data["order"]
        self.data = network.source({key: value.to(dtype) if value.is_floating_point() else value
                                    for key, value in data.items()}, settings)
        self.model = network.make(settings, data)
        self.model.load_state_dict(weights)
        self.model.to(dtype)
        self.optimizer = network.optimizer(self.model.parameters(), settings["lr"])

    def steps(self, epoch):
        """Trains an epoch; yields the loss of each step."""
        self.model.train()
        for index in self.order[epoch]:
            x, targets = self.data.draw("train", index)
            self.optimizer.zero_grad()
            loss = self.network.loss(self.model(x), targets)
            loss.backward()
            self.optimizer.step()
            yield loss.item()

    def first_losses(self, count):
        losses = []
        for epoch in range(len(self.order)):
            for loss in self.steps(epoch):
                losses.append(loss)
                if len(losses) == count:
                    return losses
        return losses

    def run(self):
        """All epochs: the mean loss of the last one, and the median time of one."""
        seconds = []
        for epoch in range(len(self.order)):
            start = time.perf_counter()
            losses = list(self.steps(epoch))
            seconds.append(time.perf_counter() - start)
        return statistics.fmean(losses), statistics.median(seconds)

    @torch.no_grad() if torch else lambda f: f
    def test(self):
        self.model.eval()
        loss, right, predictions, records = 0.0, 0, 0, 0
        for index in self.data.test_numbers().split(256):
            x, targets = self.data.draw("test", index)
            logits = self.model(x)
            loss += self.network.loss(logits, targets).item() * len(index)
            right += self.network.right(logits, targets).sum().item()
            predictions += targets.numel()
            records += len(index)
        return {"accuracy": right / predictions, "loss": loss / records}


def relative(a, b):
    return abs(a - b) / abs(b)


def compare_steps(network, settings, weights, data, sample_losses, count):
    losses = {str(dtype).removeprefix("torch."): Training(network, settings, weights, data, dtype).first_losses(count)
              for dtype in (torch.float32, torch.float64)}
    return [{"step": step + 1, "vknorm": sample, "torch": single, "torch_f64": double,
             "difference": relative(sample, single), "vknorm_error": relative(sample, double),
             "torch_error": relative(single, double)}
            for step, (sample, single, double) in enumerate(zip(sample_losses, losses["float32"], losses["float64"]))]


def compare_seed(chosen, name, seed):
    network = train_networks.NETWORKS[name]
    with tempfile.TemporaryDirectory() as folder:
        settings, weights, data, losses = run_sample(chosen, network, seed, folder)
    training = Training(network, settings, weights, data, torch.float32)
    train_loss, seconds = training.run()
    tested = training.test()
    found = {"network": name, "seed": seed, "settings": settings,
             "vknorm": {"train_loss": settings["train_loss"], "test_loss": settings["test_loss"],
                        "test_accuracy": settings["test_accuracy"], "epoch_seconds": settings["epoch_seconds"]},
             "torch": {"train_loss": train_loss, "test_loss": tested["loss"], "test_accuracy": tested["accuracy"],
                       "epoch_seconds": seconds}}
    if seed == 0:
        found["steps"] = compare_steps(network, settings, weights, data, losses, chosen.steps)
    return found


def to_table(found):
    lines = []
    for result in found:
        if "steps" in result:
            lines += [f"{result['network']}, seed {result['seed']}, on {result['settings']['device']}", "",
                      f"{'step':>5} {'vknorm':>13} {'torch':>13} {'difference':>11} {'vknorm, f64':>12} "
                      f"{'torch, f64':>12}"]
            lines += [f"{row['step']:>5} {row['vknorm']:>13.9f} {row['torch']:>13.9f} {row['difference']:>11.1e} "
                      f"{row['vknorm_error']:>12.1e} {row['torch_error']:>12.1e}"
                      for row in result["steps"] if row["step"] in SHOWN]
            worst = max(result["steps"], key=lambda row: row["difference"])
            lines += ["", f"largest difference of {len(result['steps'])} steps: {worst['difference']:.1e} at step "
                      f"{worst['step']}", "",
                      f"{'seed':>5} {'':<7} {'train loss':>11} {'test loss':>11} {'accuracy':>9} {'s/epoch':>9}"]
        for peer in ("vknorm", "torch"):
            row = result[peer]
            lines.append(f"{result['seed']:>5} {peer:<7} {row['train_loss']:>11.5f} {row['test_loss']:>11.5f} "
                         f"{row['test_accuracy']:>9.4f} {row['epoch_seconds']:>9.4f}")
    return "\n".join(lines) + "\n"


def main():
    known = sorted(train_networks.NETWORKS) if torch else []
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="Exit code: 0 done, 1 failed, 2 wrong usage.")
    parser.add_argument("--build", metavar="DIR", required=True, help="the build folder, for the samples in it")
    parser.add_argument("--networks", metavar="N[,N...]", type=options.words(known), default=known,
                        help=f"of {', '.join(known)} (all)")
    parser.add_argument("--seeds", metavar="N", type=options.whole, default=5, help="0 to N - 1 (5)")
    parser.add_argument("--epochs", metavar="N", type=options.whole, help="instead of the sample's own")
    parser.add_argument("--steps", metavar="N", type=options.whole, default=50, help="to print side by side (50)")
    parser.add_argument("--threads", metavar="N", type=options.whole, default=len(os.sched_getaffinity(0)),
                        help="of the CPU (all cores)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    parser.add_argument("--output", metavar="FILE", help="write JSON to FILE as well")
    chosen = parser.parse_args()
    if not torch:
        parser.exit(1, f"train_compare: {reason}\n")
    torch.set_num_threads(chosen.threads)
    torch.use_deterministic_algorithms(True)
    found = [compare_seed(chosen, name, seed) for name in chosen.networks for seed in range(chosen.seeds)]
    document = json.dumps({"source": f"torch {torch.__version__}", "threads": chosen.threads, "results": found}) + "\n"
    if chosen.output:
        with open(chosen.output, "w", encoding="utf-8") as file:
            file.write(document)
    print(document if chosen.json else to_table(found), end="")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, subprocess.CalledProcessError) as failure:
        sys.exit(f"train_compare: {failure}")
