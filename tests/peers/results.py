# SPDX-License-Identifier: MIT
"""The results of a run: the JSON that `vknorm compare` and `vknorm report` read, and a table."""
import datetime
import glob
import json
import os
import statistics
import sys
import time

import rows

CPU_CACHE_GUESS = 16 << 20


def cpu_cache_bytes():
    """The last-level cache, where Linux says how large it is."""
    sizes = []
    for path in glob.glob("/sys/devices/system/cpu/cpu0/cache/index*/size"):
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
        sizes.append(int(text.rstrip("KM")) << {"K": 10, "M": 20}.get(text[-1], 0))
    return max(sizes, default=CPU_CACHE_GUESS)


def free_memory():
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return int(fields["MemAvailable"].split()[0]) << 10


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "CPU")


class Results:
    """What has been timed, and what not and why."""

    def __init__(self, heading, budget):
        self.heading = heading  # source, device, timer, method
        self.copy_gbps = None
        self.timed, self.left_out = [], []
        self.deadline = time.monotonic() + budget

    def add_copy(self, gbps):
        """The largest counts: a machine is not as fast all the time. None: there is no copy."""
        if gbps is not None:
            self.copy_gbps = max(self.copy_gbps or 0.0, gbps)

    def add(self, row, seconds, **more):
        """seconds: of each repeat. more: cached, record_s."""
        first, _, third = statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
        median = statistics.median(seconds)
        self.timed.append({
            **{key: row[key] for key in rows.COPIED if key in row}, "median_s": median, "min_s": min(seconds),
            "max_s": max(seconds), "spread_s": third - first, "repeats": len(seconds),
            "gbps": row["floor_bytes"] / median / 1e9, **more})

    def leave_out(self, row, reason):
        self.left_out.append({**{key: row[key] for key in rows.IDENTITY}, "reason": reason})

    def time_up(self):
        return time.monotonic() > self.deadline

    def document(self):
        timed = [{**result, "efficiency": self.copy_gbps and result["gbps"] / self.copy_gbps} for result in self.timed]
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"source": self.heading["source"], "date": now,
                **{key: value for key, value in self.heading.items() if key != "source"},
                "copy_gbps": self.copy_gbps, "results": timed, "left_out": self.left_out}


def time_rows(found, selected, measure):
    """measure(row) returns (seconds of each repeat, what else to note), or the text of why there are none."""
    for index, row in enumerate(selected):
        if sys.stderr.isatty():
            print(f"\r\033[K{index + 1} of {len(selected)}  {row['suite']} {row['name']} {row['pass']}",
                  end="\r\033[K" if index + 1 == len(selected) else "", file=sys.stderr, flush=True)
        outcome = "the time was up" if found.time_up() else measure(row)
        if isinstance(outcome, str):
            found.leave_out(row, outcome)
        else:
            found.add(row, outcome[0], **outcome[1])


def publish(chosen, found):
    """Writes the file and prints, as the options say."""
    if not found.timed:
        raise ValueError("no row could be timed: " + ", ".join(sorted({row["reason"] for row in found.left_out})))
    document = found.document()
    if chosen.output:
        beside = f"{chosen.output}.new"
        with open(beside, "w", encoding="utf-8") as file:
            file.write(to_json(document))
        os.replace(beside, chosen.output)
    print(to_json(document) if chosen.json else to_table(document), end="")


def to_json(document):
    """A line for each row, so that two files can be told apart by eye."""
    parts = []
    for key, value in document.items():
        text = json.dumps(value)
        if key in ("results", "left_out") and value:
            text = "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n]"
        parts.append(f"{json.dumps(key)}: {text}")
    return "{" + ",\n".join(parts) + "}\n"


def to_table(document):
    device, lines = document["device"], []
    lines.append(f"{document['source']} on {device['name']}"
                 + (f", {device['threads']} threads" if "threads" in device else ""))
    if document["copy_gbps"]:
        lines.append(f"plain copy {document['copy_gbps']:.1f} GB/s")
    suite = None
    for result in document["results"]:
        if result["suite"] != suite:
            suite = result["suite"]
            lines += ["", f"{suite:<34} {'pass':<8} {'mode':<5} {'dtype':<5} {'ms':>10} {'spread':>7} {'GB/s':>8}"]
        spread = result["spread_s"] / result["median_s"]
        lines.append(f"{result['name']:<34} {result['pass']:<8} {result['mode']:<5} {result['dtype']:<5} "
                     f"{result['median_s'] * 1e3:>10.4f} {spread:>7.0%} {result['gbps']:>8.1f}")
    lines += ["", "spread: from the first to the third quartile"]
    reasons = {}
    for row in document["left_out"]:
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    lines += [f"left out: {count} rows: {reason}" for reason, count in reasons.items()]
    return "\n".join(lines) + "\n"
