#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares `vknorm run` with PyTorch in double precision and with the reference operators of the onnx package, over a
wide grid of cases, on one Vulkan driver or several. Exit codes: 0 all passed, 1 something failed, 2 it could not run.
"""
import argparse
import concurrent.futures
import json
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "command"))
try:
    import torch

    import defects
    import grid
    import judge
    import mistakes
    import report
    from command import Command
except ImportError as missing:
    print(f"conformance.py: {missing} (see requirements.txt beside it)", file=sys.stderr)
    sys.exit(2)

CHUNK = 1000  # cases in one run of the command, and in memory


class Tally:
    """Counts, and the worst error, of each row of the tables."""

    def __init__(self, drivers):
        self.drivers = drivers
        self.rows, self.reasons, self.met = {}, {}, {defect.title: 0 for defect in defects.DEFECTS}
        self.failures = []

    def rows_of(self, truth, case):
        """Those that the case counts in, one for its data and one for each of its options."""
        direction = "state" if len(case.steps) > 1 else case.steps[0][0]
        data = next((name for name in ("outlier", "mean 1e4") if case.data.startswith(name)), "other")
        keys = [("cases", truth, case.norm, direction, data)]
        keys += [("options", truth, option) for option in case.options]
        for key in keys:
            yield self.rows.setdefault((key, case.dtype), {
                "cases": 0, "drivers": {driver: {"passed": 0, "failed": 0, "worst": None, "worst_places": None}
                                        for driver in self.drivers}})

    def add_case(self, prepared):
        for truth, reason in prepared.reasons.items():
            if reason:
                key = truth, prepared.case.norm, reason
                self.reasons[key] = self.reasons.get(key, 0) + 1
            else:
                for row in self.rows_of(truth, prepared.case):
                    row["cases"] += 1
        if prepared.defect:
            self.met[prepared.defect.title] += 1

    def add_result(self, prepared, driver, outputs):
        """outputs: those of each step, or a text about what went wrong."""
        for truth in prepared.truths:
            found = [row["drivers"][driver] for row in self.rows_of(truth, prepared.case)]
            faults = [prepared.troubles[truth]] if truth in prepared.troubles else []
            if isinstance(outputs, str):
                faults.append(outputs)
            elif not faults:
                for step, tensor, dtype, error in judge.judge(prepared, truth, outputs):
                    if not error.passed:
                        faults.append(f"step {step}, {tensor}: error {error.units:.1f}")
                    for one in found:
                        note_worst(one, "worst", error.units, tensor, prepared.case)
                        if dtype == prepared.case.dtype:
                            note_worst(one, "worst_places", error.places, tensor, prepared.case)
            for one in found:
                one["failed" if faults else "passed"] += 1
            self.failures += [f"{driver}, {truth}: {prepared.case.name}: {fault}" for fault in faults]


def note_worst(found, key, error, tensor, case):
    if not found[key] or error > found[key]["error"]:
        found[key] = {"error": error, "tensor": tensor, "case": case.name}


def run_chunk(command, chunk):
    """The outputs of each case's steps, by the case's name; a step goes on with what the one before it left."""
    results = {prepared.case.name: [] for prepared in chunk}
    for index in range(max((len(prepared.case.steps) for prepared in chunk), default=0)):
        jobs, names = {}, {}
        for number, prepared in enumerate(chunk):
            name, before = prepared.case.name, results[prepared.case.name]
            if isinstance(before, str) or index >= len(prepared.case.steps):
                continue
            carried = before[-1] if before else {}
            carried = {key: carried[key] for key in judge.definition.RUNNING if key in carried}
            names[f"c{number}"] = name
            jobs[f"c{number}"] = prepared.case.keys(index), {**prepared.steps[index], **carried}
        for key, outputs in command.run_all(jobs).items() if jobs else ():
            results[names[key]] = outputs if isinstance(outputs, str) else results[names[key]] + [outputs]
    return results


def show_progress(done, total):
    if sys.stderr.isatty():
        print(f"\r{done} of {total} cases", end="\n" if done == total else "", file=sys.stderr, flush=True)


def run(options, commands, pool):
    """Everything, as the JSON has it. The drivers work at the same time."""
    start = time.monotonic()
    cases = [case for case in grid.make_cases() if options.filter in case.name and case.number % options.share == 0]
    tally = Tally([command.driver for command in commands])
    devices = [{"name": command.driver, **command.device()} for command in commands]
    for first in range(0, len(cases), CHUNK):
        chunk = [judge.Prepared(case, options.seed) for case in cases[first:first + CHUNK]]
        for prepared in chunk:
            tally.add_case(prepared)
        chunk = [prepared for prepared in chunk if prepared.truths]
        for command, results in zip(commands, pool.map(lambda one: run_chunk(one, chunk), commands)):
            for prepared in chunk:
                tally.add_result(prepared, command.driver, results[prepared.case.name])
        show_progress(min(first + CHUNK, len(cases)), len(cases))
    result = {"truths": list(judge.TRUTHS), "drivers": devices, "seed": options.seed, **summarized(tally)}
    add_mistakes(result, commands)
    add_defects(result, tally)
    result["messages"] = sum(command.messages for command in commands)
    result["validated"] = "validation" in os.environ.get("VK_INSTANCE_LAYERS", "").lower()
    if result["messages"]:
        result["failed"] += 1
        result["failures"].append(f"{result['messages']} validation messages")
    result["seconds"] = time.monotonic() - start
    return result


def summarized(tally):
    heads = {"cases": ("truth", "norm", "pass", "data"), "options": ("truth", "option")}
    tables = {name: [] for name in heads}
    for (key, dtype), row in tally.rows.items():
        tables[key[0]].append({**dict(zip(heads[key[0]], key[1:])), "dtype": dtype, **row})
    order = list(judge.TRUTHS), ["forward", "backward", "state"], ["other", "outlier", "mean 1e4"]
    tables["cases"].sort(key=lambda row: (order[0].index(row["truth"]), row["norm"], order[1].index(row["pass"]),
                                          order[2].index(row["data"])))
    tables["options"].sort(key=lambda row: (order[0].index(row["truth"]), row["option"]))
    reasons = [{"truth": truth, "norm": norm, "reason": reason, "cases": count}
               for (truth, norm, reason), count in sorted(tally.reasons.items(), reverse=True)]
    counts = {kind: sum(found[kind] for row in tables["cases"] for found in row["drivers"].values())
              for kind in ("passed", "failed")}
    return {"cases": sum(row["cases"] for row in tables["cases"]), **counts, "rows": tables["cases"],
            "options": tables["options"], "not_applicable": reasons, "failures": tally.failures}


def add_mistakes(result, commands):
    """The table has the first driver's texts; every driver must give them."""
    checked = [[mistakes.check(mistake, command) for mistake in mistakes.MISTAKES] for command in commands]
    result["mistakes"] = checked[0]
    for command, rows in zip(commands, checked):
        for row, expected in zip(rows, checked[0]):
            passed = row["passed"] and row["vknorm"] == expected["vknorm"]
            result["passed" if passed else "failed"] += 1
            if not passed:
                result["failures"].append(f"{command.driver}: {row['mistake']}: PyTorch says \"{row['torch']}\", "
                                          f"vknorm \"{row['vknorm']}\"")


def add_defects(result, tally):
    result["defects"] = []
    for defect in defects.DEFECTS:
        proven, text = defect.proof()
        result["defects"].append({"title": defect.title, "cases": tally.met[defect.title], "proof": text,
                                  "proven": proven})
        result["passed" if proven else "failed"] += 1
        if not proven:
            result["failures"].append(f"PyTorch's defect is not shown: {defect.title}: {text}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command", required=True, metavar="PATH", help="the vknorm command")
    parser.add_argument("--driver", action="append", default=[], metavar="NAME=MANIFEST",
                        help="a Vulkan driver by its manifest, several times for several [what the environment has]")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only cases whose names contain TEXT")
    parser.add_argument("--share", type=int, default=1, metavar="N", help="of about N shapes one, always the same [1]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--table", metavar="OUT.md", help="write the tables there, between its two markers")
    return parser.parse_args()


def main():
    options = parse_options()
    torch.set_num_threads(1)  # small tensors: a second thread only waits
    drivers = [driver.partition("=") for driver in options.driver] or [("default", "", "")]
    with tempfile.TemporaryDirectory(prefix="vknorm-conformance-") as folder:
        try:
            commands = [Command(os.path.abspath(options.command), name, manifest, os.path.join(folder, str(number)))
                        for number, (name, _, manifest) in enumerate(drivers)]
            with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
                result = run(options, commands, pool)
            if not result["cases"]:
                raise OSError(f"there is no case with \"{options.filter}\" in its name that any truth takes")
            if options.table:
                report.write_tables(options.table, result)
        except OSError as error:
            print(f"conformance.py: {error}", file=sys.stderr)
            return 2
    print(json.dumps(result, indent=2) if options.json else report.text(result))
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
