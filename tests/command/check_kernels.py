# SPDX-License-Identifier: MIT
"""Runs `vknorm kernels` on the device that the environment chooses: table and JSON hold the same, and spills are judged
by what the driver tells. Usage: check_kernels.py VKNORM [told]   (told: this driver is known to give statistics)"""
import json
import subprocess
import sys

vknorm = sys.argv[1]


def kernels(*arguments):
    """The exit code, stdout and stderr of the command."""
    done = subprocess.run([vknorm, "kernels", "--suite", "transformer", "--norm", "rms", *arguments],
                          capture_output=True, text=True, check=False)
    for text in (done.stdout, done.stderr):
        for word in ("VUID-", "SYNC-HAZARD", "UNASSIGNED-"):
            assert word not in text, text
    return done.returncode, done.stdout, done.stderr


def expect(wanted, got):
    assert wanted == got, f"must be {wanted!r}, is {got!r}"


def check_json(text):
    document = json.loads(text)
    expect({"vknorm", "device", "has_statistics", "kernels"}, set(document))
    expect({"name", "driver", "type", "driver_version"}, set(document["device"]))
    names = [kernel["pipeline"] for kernel in document["kernels"]]
    executables = [(kernel["pipeline"], kernel["executable"]) for kernel in document["kernels"]]
    assert len(set(executables)) == len(executables) and len(set(names)) >= 10, names
    for word in ("norm_row ", "norm_row_grad "):
        assert any(name.startswith(word) for name in names), names
    assert any(" f16" in name for name in names) and not any(" bf16" in name for name in names), names
    for kernel in document["kernels"]:
        expect({"pipeline", "executable", "subgroup_size", "statistics"}, set(kernel))
        expect(document["has_statistics"], bool(kernel["statistics"]))
    return document


def check_spills(document, code, errors, summary):
    told = [[value for name, value in kernel["statistics"].items() if "spill" in name.lower()]
            for kernel in document["kernels"]]
    count, spilling, untold = len(told), sum(any(values) for values in told), told.count([])
    if spilling:
        expect((1, f"vknorm: --fail-on-spills: {spilling} of {count} spill registers\n"), (code, errors))
    elif untold:
        expect((1, f"vknorm: --fail-on-spills: of {untold} of {count} the driver does not tell\n"), (code, errors))
    else:
        expect((0, ""), (code, errors))
    pipelines = len({kernel["pipeline"] for kernel in document["kernels"]})
    if not document["has_statistics"]:
        expect(f"{pipelines} pipelines; the driver gives no statistics\n", summary)
    else:
        rest = f"; of {untold} the driver does not tell" if untold else ""
        expect(f"{pipelines} pipelines, {spilling} spill registers{rest}\n", summary)


def check_table(document, rows):
    columns = [name for name in document["kernels"][0]["statistics"] if "hash" not in name.lower()]
    for word in (word for name in columns for word in name.split()):
        assert word in " ".join(rows[:-len(document["kernels"])]).split(), word
    for row, kernel in zip(rows[-len(document["kernels"]):], document["kernels"]):
        values = row.split(maxsplit=len(columns))
        expect([format(kernel["statistics"][name], "g" if isinstance(kernel["statistics"][name], float) else "d")
                for name in columns], values[:-1])
        assert values[-1].startswith(kernel["pipeline"]), row
    expect(0 if not columns else max(len(name.split()) for name in columns), len(rows) - len(document["kernels"]))


code, text, errors = kernels("--dtype", "f16", "--json")
expect((0, ""), (code, errors))
described = check_json(text)
if sys.argv[2:] == ["told"]:
    assert described["has_statistics"]
    assert all("Spilled VGPRs" in kernel["statistics"] for kernel in described["kernels"])
code, text, errors = kernels("--dtype", "f16", "--fail-on-spills")
heading, table, summary = text.split("\n\n")
assert heading.startswith(described["device"]["name"] + ", "), heading
check_table(described, table.split("\n"))
check_spills(described, code, errors, summary)
