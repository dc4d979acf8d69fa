# SPDX-License-Identifier: MIT
"""What the peers' scripts do alike: select rows, time them, publish."""
import os
import sys

import results
import rows


def run(chosen, make_bench, missing):
    """The exit code. chosen: the options. missing: of the peer's packages, and how to install them, or None.
    make_bench(chosen) gives an object with heading(), measure(row), and copy_gbps(), which is None without a copy."""
    try:
        selected = rows.select(rows.read_rows(chosen), chosen.suite, chosen.filter, chosen.dtype)
        if missing:
            raise ValueError(missing)
        bench = make_bench(chosen)
        found = results.Results(bench.heading(), chosen.budget)
        found.add_copy(bench.copy_gbps())
        results.time_rows(found, selected, bench.measure)
        found.add_copy(bench.copy_gbps())
        results.publish(chosen, found)
    except (OSError, ValueError) as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        return 1
    return 0
