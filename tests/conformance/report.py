# SPDX-License-Identifier: MIT
"""The results, as text for a terminal and as tables for the documentation."""
import math

import dtypes

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def markdown_table(heads, rows):
    """Columns of numbers are right-aligned."""
    numeric = [all(isinstance(row[k], (int, float)) for row in rows) for k in range(len(heads))]
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join("---:" if n else "---" for n in numeric) + "|"]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def worst_text(found, key="worst"):
    worst = found[key]
    failed = f"{found['failed']} FAILED, " if found["failed"] else ""
    if not worst:
        return failed + "-"
    error = f"{worst['error']:.2f}" if math.isfinite(worst["error"]) else "not comparable"
    return f"{failed}{error} {worst['tensor']}"


def by_dtype(result, rows, heads):
    """Heads and rows of a table whose columns are dtypes: of each, the cases and each driver's worst error."""
    drivers = [driver["name"] for driver in result["drivers"]]
    columns = list(heads) + [f"{dtype}: {head}" for dtype in dtypes.DTYPES for head in ["cases"] + drivers]
    found = {}
    for row in rows:
        found.setdefault(tuple(row[head] for head in heads), {})[row["dtype"]] = row
    lines = []
    for key, of in found.items():
        cells = list(key)
        for dtype in dtypes.DTYPES:
            cells.append(of[dtype]["cases"] if dtype in of else 0)
            cells += [worst_text(of[dtype]["drivers"][driver]) if dtype in of else "" for driver in drivers]
        lines.append(cells)
    return columns, lines


def dtype_rows(result):
    """For each dtype and driver: cases, passed, failed, the worst error in last places."""
    for dtype, stored in dtypes.DTYPES.items():
        rows = [row for row in result["rows"] if row["dtype"] == dtype]
        for driver in (driver["name"] for driver in result["drivers"]):
            found = [row["drivers"][driver] for row in rows]
            total = {key: sum(one[key] for one in found) for key in ("passed", "failed")}
            worst = max((one["worst_places"] for one in found if one["worst_places"]), default=None,
                        key=lambda one: one["error"])
            yield [dtype, driver, sum(row["cases"] for row in rows), total["passed"], total["failed"],
                   worst_text({"worst": worst, "failed": 0}), f"2^-{stored.digits}"]


def tables(result):
    """All that was measured, as Markdown."""
    parts = [f"{result['passed']} passed, {result['failed']} failed. "
             + "; ".join(f"{d['name']}: {d['driver']}, {d['device']}" for d in result["drivers"])
             + f"; {', '.join(result['truths'])}; {result['messages']} validation messages"
             + ("" if result["validated"] else " (the validation layer was not on)") + ".\n",
             "### Dtypes\n",
             markdown_table(["dtype of x", "driver", "cases", "passed", "failed", "worst error", "its unit"],
                            list(dtype_rows(result))),
             "### Cases\n", markdown_table(*by_dtype(result, result["rows"], ("truth", "norm", "pass", "data"))),
             "### Options\n", markdown_table(*by_dtype(result, result["options"], ("truth", "option"))),
             "### Not applicable\n",
             markdown_table(["truth", "norm", "reason", "cases"],
                            [[row["truth"], row["norm"], row["reason"], row["cases"]]
                             for row in result["not_applicable"]]),
             "### Defects of PyTorch\n",
             markdown_table(["defect", "cases", "proof"],
                            [[row["title"], row["cases"], row["proof"]] for row in result["defects"]]),
             "### Error texts\n",
             markdown_table(["mistake", "PyTorch", "vknorm", "same words"],
                            [[row["mistake"], row["torch"], row["vknorm"], "yes" if row["same"] else "no"]
                             for row in result["mistakes"]])]
    return "\n".join(parts)


def write_tables(path, result):
    """Puts the tables between the two markers of a file that has them, else writes a file of them alone."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = f"{BEGIN}\n{END}\n"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise OSError(f"{path}: it has no lines \"{BEGIN}\" and \"{END}\"")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n\n{tables(result)}\n{END}{after}")


def text(result):
    """For a terminal; the last line is the sum."""
    lines = []
    for row in result["rows"] + result["options"]:
        head = f"{row['norm']:9}{row['pass']:9}{row['data']:10}" if "norm" in row else f"{row['option']:28}"
        for driver, found in row["drivers"].items():
            lines.append(f"{row['truth']:20}{head}{row['dtype']:5}{driver:12}"
                         f"{row['cases']:6} cases   {worst_text(found)}")
    for dtype, driver, cases, passed, failed, worst, unit in dtype_rows(result):
        lines.append(f"{dtype:5}{driver:12}{cases:6} cases{passed:7} passed{failed:5} failed   worst {worst} in units "
                     f"of its last place, {unit} x the output's scale")
    for row in result["not_applicable"]:
        lines.append(f"not applicable {row['cases']:5}  {row['truth']}, {row['norm']}: {row['reason']}")
    for row in result["defects"]:
        shown = "proven" if row["proven"] else "NOT SHOWN"
        lines.append(f"defect {row['cases']:5} cases  PyTorch: {row['title']}: {shown}")
    for row in result["mistakes"]:
        lines.append(f"mistake {'same words' if row['same'] else 'own words'}  {row['mistake']}: {row['vknorm']}")
    failures = result["failures"]
    lines += [f"FAILED {failure}" for failure in failures[:40]]
    lines += [f"... and {len(failures) - 40} more (see --json)"] if len(failures) > 40 else []
    lines.append("errors in units of 2^-23 x the output's scale beyond its rounding; the limit is 64")
    lines.append(f"{result['messages']} validation messages{'' if result['validated'] else ' (the layer was not on)'}, "
                 f"{result['seconds']:.0f} s")
    return "\n".join(lines + [f"{result['passed']} passed, {result['failed']} failed"])
