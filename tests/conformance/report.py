# SPDX-License-Identifier: MIT
"""The results, as text for a terminal and as tables for the documentation."""
import math

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def markdown_table(heads, rows):
    """Columns of numbers are right-aligned."""
    numeric = [all(isinstance(row[k], (int, float)) for row in rows) for k in range(len(heads))]
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join("---:" if n else "---" for n in numeric) + "|"]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def worst_text(worst):
    if not worst:
        return "-"
    error = f"{worst['error']:.2f}" if math.isfinite(worst["error"]) else "not comparable"
    limit = "" if worst["limit"] == 64 else f" of {worst['limit']:.0f}"
    return f"{error}{limit}, {worst['tensor']}"


def result_rows(result):
    for row in result["rows"]:
        cells = [row["truth"], row["norm"], row["pass"], row["data"], row["cases"]]
        for driver in result["drivers"]:
            found = row["drivers"][driver["name"]]
            cells += [found["passed"], found["failed"], worst_text(found["worst"])]
        yield cells


def tables(result):
    """All that was measured, as Markdown."""
    drivers = [driver["name"] for driver in result["drivers"]]
    heads = ["truth", "norm", "pass", "data", "cases"]
    heads += [f"{driver}: {head}" for driver in drivers for head in ("passed", "failed", "worst error")]
    parts = [f"{result['passed']} passed, {result['failed']} failed. "
             + "; ".join(f"{d['name']}: {d['driver']}, {d['device']}" for d in result["drivers"])
             + f"; {', '.join(result['truths'])}; {result['messages']} validation messages"
             + ("" if result["validated"] else " (the validation layer was not on)") + ".\n",
             "### Cases\n", markdown_table(heads, list(result_rows(result))),
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
    for row in result["rows"]:
        for driver, found in row["drivers"].items():
            lines.append(f"{row['truth']:20}{row['norm']:9}{row['pass']:9}{row['data']:10}{driver:12}"
                         f"{row['cases']:6} cases{found['failed']:5} failed   {worst_text(found['worst'])}")
    for row in result["not_applicable"]:
        lines.append(f"not applicable {row['cases']:5}  {row['truth']}, {row['norm']}: {row['reason']}")
    for row in result["defects"]:
        lines.append(f"defect {row['cases']:5} cases  PyTorch: {row['title']}: {'proven' if row['proven'] else 'NOT SHOWN'}")
    for row in result["mistakes"]:
        lines.append(f"mistake {'same words' if row['same'] else 'own words'}  {row['mistake']}: {row['vknorm']}")
    failures = result["failures"]
    lines += [f"FAILED {failure}" for failure in failures[:40]]
    lines += [f"... and {len(failures) - 40} more (see --json)"] if len(failures) > 40 else []
    lines.append("errors in units of 2^-23 x the output's scale; the limit is 64 where no other is named")
    lines.append(f"{result['messages']} validation messages{'' if result['validated'] else ' (the layer was not on)'}, "
                 f"{result['seconds']:.0f} s")
    return "\n".join(lines + [f"{result['passed']} passed, {result['failed']} failed"])
