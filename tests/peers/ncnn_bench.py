#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times ncnn on Vulkan on the rows of `vknorm bench` that it has: forward, channels first, batch norm with running
statistics. The driver is the one that the Vulkan loader is told to take (VK_ICD_FILENAMES).

Its Python package takes and gives data of the host only. So what is timed is a net of k equal layers and a net of one,
and their difference over k - 1 is a layer without transfers."""
import math
import os
import statistics
import sys

sys.dont_write_bytecode = True
import options
import peer
import results
import rows

try:
    import ncnn

    import ncnn_net
    missing = None
except ImportError as reason:
    missing = f"{reason} (pip install ncnn numpy)"

MIN_PAIRS = 5
FEW_LAYERS, MAX_LAYERS = 5, 257
LAYERS_SECONDS = 0.1  # what the layers beyond the first should take, to stand out from the transfers
MEMORY_FACTOR = 8  # tensors in f32: on the host, in staging and device memory, in and out, and the reference
TYPES = ("discrete GPU", "integrated GPU", "virtual GPU", "CPU")
GPU_CACHE_GUESS = 64 << 20
METHOD = ("a net of k equal layers less the median of a net of one, over k - 1; each layer writes where it has read; "
          "samples are channels to it; wall time")


def why_not(row):
    """Why ncnn cannot run the row, or None."""
    if row["pass"] == "backward":
        return "ncnn has no backward"
    if row["norm"] == "batch" and row["mode"] == "train":
        return "ncnn has no batch norm with statistics of the batch"
    if row["layout"] == "channels_last":
        return "ncnn stores channels first"
    return None


class Bench:
    def __init__(self, chosen):
        os.environ["LP_NUM_THREADS"] = str(chosen.threads)  # lavapipe's; a loader has not been asked yet
        if not ncnn.get_gpu_count():
            raise ValueError("ncnn finds no Vulkan device")
        self.about = ncnn.get_gpu_info(ncnn.get_default_gpu_index())
        self.threads, self.min_time = chosen.threads, chosen.min_time
        self.max_bytes = chosen.max_bytes or results.free_memory() // 2
        self.on_cpu = TYPES[self.about.type()] == "CPU"
        self.cache_bytes = results.cpu_cache_bytes() if self.on_cpu else GPU_CACHE_GUESS

    def heading(self):
        api = self.about.api_version()
        device = {"name": self.about.device_name(), "type": TYPES[self.about.type()],
                  "api_version": f"{api >> 22 & 0x7f}.{api >> 12 & 0x3ff}.{api & 0xfff}",
                  "vendor_id": self.about.vendor_id(), "device_id": self.about.device_id(),
                  "driver_version": self.about.driver_version()}
        device.update({"threads": self.threads} if self.on_cpu else {})
        return {"source": f"ncnn {ncnn.__version__}", "device": device, "timer": "wall", "method": METHOD}

    def copy_gbps(self):
        return None

    def measure(self, row):
        if why_not(row):
            return why_not(row)
        needed = MEMORY_FACTOR * rows.element_count(row) * 4
        if needed > self.max_bytes:
            return f"{needed >> 20} MiB are needed, and {self.max_bytes >> 20} are the limit"
        try:
            layer = ncnn_net.Layer(row)
            one = ncnn_net.Net(layer, 1, self.threads)
            one.check()
            seconds = self.time(layer, one)
        except ValueError as error:
            return str(error)
        if min(seconds) <= 0:
            return "the layers do not stand out from the transfers"
        return seconds, {"cached": True} if rows.tensor_bytes(row) <= self.cache_bytes else {}

    def time(self, layer, one):
        """The seconds of a layer: of each run of a net of many, less the median of a net of one that takes turns."""
        few = ncnn_net.Net(layer, FEW_LAYERS, self.threads)
        few.run()
        estimate = (few.run()[1] - one.run()[1]) / (FEW_LAYERS - 1)
        count = MAX_LAYERS
        if estimate > 0:
            count = 1 + min(MAX_LAYERS - 1, max(FEW_LAYERS - 1, math.ceil(LAYERS_SECONDS / estimate)))
        many = few if count == FEW_LAYERS else ncnn_net.Net(layer, count, self.threads)
        many.run()
        pairs = []
        while len(pairs) < MIN_PAIRS or sum(map(sum, pairs)) < self.min_time:
            pairs.append((one.run()[1], many.run()[1]))
        transfers = statistics.median(pair[0] for pair in pairs)
        return [(pair[1] - transfers) / (count - 1) for pair in pairs]


def main():
    return peer.run(options.make_parser(__doc__).parse_args(), Bench, missing)


if __name__ == "__main__":
    sys.exit(main())
