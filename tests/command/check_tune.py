# SPDX-License-Identifier: MIT
"""Runs scripts/tune on the device that the environment chooses: which numbers it tries, what it writes of them, and what
it says of wrong ones. Usage: check_tune.py SCRIPTS/TUNE VKNORM"""
import json
import os
import subprocess
import sys
import tempfile

SCRIPT, VKNORM = sys.argv[1:]
WORK = ("--suite", "unet", "--filter", "16x16", "--turns", "1", "--min-time", "0.001")


def tune(*arguments, limits="cpu,apply_block=8"):
    return subprocess.run([sys.executable, SCRIPT, "--vknorm", VKNORM, *WORK, *arguments], capture_output=True, text=True,
                          check=False, env={**os.environ, "VKNORM_LIMITS": limits})


def expect(wanted, got):
    assert wanted == got, f"must be {wanted!r}, is {got!r}"


def check_results(folder):
    output = os.path.join(folder, "tune.json")
    done = tune("--numbers", "apply_block,across", "--limits", "team=3", "--output", output)
    expect((0, ""), (done.returncode, done.stderr))
    with open(output, encoding="utf-8") as file:
        contents = json.load(file)
    results = contents["results"]
    expect(["apply_block=4", "apply_block=16", "team=3"], [one["limits"] for one in results if "across" not in one["limits"]])
    expect(1, sum("across" in one["limits"] for one in results))
    assert "apply_block=8" in contents["device"]["plan_limits"]
    assert "team=3, must be" in results[-1]["refused"], results[-1]
    rows = {"unet group32 4x1280x16x16 forward train f32 channels_first",
            "unet group32 4x1280x16x16 backward train f32 channels_first"}
    for one in results[:-1]:
        expect(rows, set(one["rows"]))
        for way, passes in one["passes"].items():
            ratio = next(value for row, value in one["rows"].items() if way in row)
            assert ratio > 0 and all(abs(passes[key] - ratio) < 1e-9 * ratio for key in ("mean", "least", "most")), one
        assert one["limits"] in done.stdout


def check_mistakes():
    for arguments, limits, said in ((("--numbers", "blok"), "", "--numbers blok: is none of widest, "),
                                    (("--turns", "0"), "", "--turns 0: must be at least 1"),
                                    ((), "blok=1", 'VKNORM_LIMITS: "blok=1" is none of'),
                                    (("--vknorm", "/nonexistent"), "", "/nonexistent")):
        done = tune(*arguments, limits=limits)
        assert done.returncode != 0 and said in done.stderr, (arguments, done)


with tempfile.TemporaryDirectory() as temporary:
    check_results(temporary)
check_mistakes()
