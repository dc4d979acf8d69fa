# SPDX-License-Identifier: MIT
"""The devices that PyTorch is timed on: what they are, and how long calls take there."""
import ctypes
import platform
import time

import torch

import results

MIN_REPEATS = 10
WARM_UPS = 3  # rounds of all calls: memory to be had, kernels to be chosen
COPY_BYTES = {"cpu": 64 << 20, "cuda": 256 << 20}


def warm_up(calls):
    """The last results of each call: kept until the next ones are there, so that those are written elsewhere."""
    kept = [run() for run in calls]
    for _ in range(1, WARM_UPS):
        for slot, run in enumerate(calls):
            kept[slot] = run()
    return kept


class Cpu:
    kind, timer = "cpu", "wall"
    rotation_bytes = 64 << 20

    def __init__(self, threads):
        torch.set_num_threads(threads)
        self.cache_bytes = results.cpu_cache_bytes()
        self.about = {"name": results.cpu_name(), "type": "CPU", "threads": threads}
        self.method = "wall time of each call"
        self.reserved, self.keeps = 0, False
        if platform.libc_ver()[0] == "glibc":
            # glibc gives large blocks back at once, so that each call would pay for page faults on its results.
            libc = ctypes.CDLL(None)
            m_trim_threshold, m_mmap_max = -1, -4
            self.keeps = libc.mallopt(m_mmap_max, 0) == 1 and libc.mallopt(m_trim_threshold, -1) == 1
        self.method += "; results go to memory that the process has had before" if self.keeps else ""

    def reserve(self, size):
        """Makes the process have so much memory, before anything is timed."""
        if self.keeps and size > self.reserved:
            torch.empty(size, dtype=torch.uint8).fill_(1)
            self.reserved = size

    @staticmethod
    def free_memory():
        return results.free_memory()

    @staticmethod
    def time(calls, min_time, _norms=1):
        """The seconds of each repeat, and what else there is to note. Calls take turns; each is of so many norms."""
        kept = warm_up(calls)
        spent, seconds = 0.0, []
        while len(seconds) < MIN_REPEATS or spent < min_time:
            slot = len(seconds) % len(calls)
            start = time.perf_counter()
            kept[slot] = calls[slot]()
            seconds.append(time.perf_counter() - start)
            spent += seconds[-1]
        return seconds, {}


class Cuda:
    kind, timer = "cuda", "timestamps"
    rotation_bytes = 256 << 20
    queue_length = 50  # norms: some are a dozen kernels, and CUDA queues 1024
    queue_seconds = 0.2
    clock_hz = 2e9

    def __init__(self, _threads):
        about = torch.cuda.get_device_properties(0)
        self.cache_bytes = about.L2_cache_size
        platform_name = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
        self.about = {"name": about.name, "type": "integrated GPU" if about.is_integrated else "discrete GPU",
                      "driver": f"{platform_name}, cuDNN {torch.backends.cudnn.version()}"}
        self.method = "CUDA events around each call, many calls queued so that the GPU does not wait for the CPU"

    def reserve(self, size):
        """PyTorch keeps the memory of a GPU by itself."""

    @staticmethod
    def free_memory():
        return torch.cuda.mem_get_info()[0]

    def time(self, calls, min_time, norms=1):
        kept = warm_up(calls)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for slot, run in enumerate(calls):
            kept[slot] = run()
        issued = (time.perf_counter() - start) / len(calls)
        torch.cuda.synchronize()
        estimate = (time.perf_counter() - start) / len(calls)
        length = max(1, min(self.queue_length // norms, int(self.queue_seconds / estimate)))
        seconds, issues = [], []
        while len(seconds) < MIN_REPEATS or sum(seconds) < min_time:
            events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True))
                      for _ in range(length)]
            torch.cuda._sleep(int(2 * issued * length * self.clock_hz))  # the GPU begins when all is queued
            start = time.perf_counter()
            for index, (before, after) in enumerate(events):
                slot = (len(seconds) + index) % len(calls)
                before.record()
                kept[slot] = calls[slot]()
                after.record()
            issues.append((time.perf_counter() - start) / length)
            torch.cuda.synchronize()
            seconds += [before.elapsed_time(after) / 1e3 for before, after in events]
        return seconds, {"record_s": sorted(issues)[len(issues) // 2] / norms}


def find(kind, threads):
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"--device cuda: PyTorch {torch.__version__} finds no CUDA device")
    return {"cpu": Cpu, "cuda": Cuda}[kind](threads)


def copy_gbps(device, min_time):
    """The bandwidth of a plain copy by its median: what is read and what is written."""
    source = torch.empty(COPY_BYTES[device.kind], dtype=torch.uint8, device=device.kind).random_()
    target = torch.empty_like(source)
    seconds, _ = device.time([lambda: target.copy_(source)], min_time)
    return 2 * COPY_BYTES[device.kind] / sorted(seconds)[len(seconds) // 2] / 1e9
