#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times PyTorch, eager or compiled, on the rows of `vknorm bench`, and writes the same JSON.

forward is torch.nn.functional's call, recording for backward where the row is of training; backward is
torch.autograd.grad of that call's result alone, for x, weight and bias. A network of norms (suite small) runs both in
its backward row, as in vknorm's."""
import math
import sys

sys.dont_write_bytecode = True
import options
import peer
import rows

try:
    import torch
    from torch._functorch import config as functorch_config

    import torch_calls
    import torch_devices
    missing = None
except ImportError as reason:
    missing = f"{reason} (pip install torch)"

MAX_SETS = 8
MEMORY_FACTOR = 8  # what a call may hold beside x, y, dy, dx: copies in f32, partial results


class Bench:
    def __init__(self, chosen):
        self.device = torch_devices.find(chosen.device, chosen.threads)
        self.compiled, self.min_time = chosen.compile, chosen.min_time
        self.max_bytes = chosen.max_bytes or self.device.free_memory() // 2
        self.forward, self.forward_of = None, None
        torch.manual_seed(1)
        if hasattr(functorch_config, "donated_buffer"):
            functorch_config.donated_buffer = False  # a backward that is called again needs what it has read

    def heading(self):
        return {"source": f"torch {torch.__version__} {'compile' if self.compiled else 'eager'}",
                "device": self.device.about, "timer": self.device.timer,
                "method": self.device.method + "; backward: torch.autograd.grad with retain_graph"}

    def copy_gbps(self):
        return torch_devices.copy_gbps(self.device, self.min_time)

    def make_forward(self, row):
        """One for a row's forward and backward, since compiling takes seconds."""
        key = [row[part] for part in ("norm", "mode", "dtype", "layout", "shape")]
        key += [row.get("groups"), row.get("layers")]
        if key != self.forward_of:
            self.forward = torch_calls.make_forward(row)
            self.forward_of = key
            if self.compiled:
                torch.compiler.reset()
                self.forward = torch.compile(self.forward, dynamic=False)
        return self.forward

    def measure(self, row):
        if row["norm"] in ("layer", "rms") and row["layout"] == "channels_last":
            return "PyTorch normalizes the last dimensions only"
        tensors = 4 if row["pass"] == "backward" else 2
        in_set = tensors * rows.tensor_bytes(row)
        needed = in_set + MEMORY_FACTOR * rows.element_count(row) * 4
        if needed > self.max_bytes:
            return f"{needed >> 20} MiB are needed, and {self.max_bytes >> 20} are the limit"
        sets = min(MAX_SETS, math.ceil(self.device.rotation_bytes / in_set), self.max_bytes // needed)
        try:
            self.device.reserve(sets * needed)
            forward = self.make_forward(row)
            calls = [torch_calls.Call(row, self.device.kind, forward) for _ in range(sets)]
            seconds, more = self.device.time([call.run for call in calls], self.min_time, row.get("calls", 1))
        except (RuntimeError, NotImplementedError) as error:  # no kernel for this dtype, or no memory
            return "PyTorch: " + " ".join(str(error).split("\n")[:2]).strip()
        if sets * in_set <= self.device.cache_bytes:
            more["cached"] = True
        return seconds, more


def parse(arguments):
    parser = options.make_parser(__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    return parser.parse_args(arguments)


def main():
    return peer.run(parse(sys.argv[1:]), Bench, missing)


if __name__ == "__main__":
    sys.exit(main())
