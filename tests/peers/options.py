# SPDX-License-Identifier: MIT
"""The command line that the peers' scripts share."""
import argparse
import os

import rows


def positive(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def whole(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def words(known):
    """The type of an option that is a comma-separated list; known: its words, or none where any will do."""
    def split(text):
        found = list(known) if known and text == "all" else text.split(",")
        for word in found:
            if not word or known and word not in known:
                raise argparse.ArgumentTypeError(f"{word!r} is not one of {', '.join(known)}" if known else
                                                 f"{text!r} has an empty word")
        return found
    return split


def make_parser(description):
    parser = argparse.ArgumentParser(description=description, epilog="Exit code: 0 done, 1 failed, 2 wrong usage.")
    work = parser.add_mutually_exclusive_group(required=True)
    work.add_argument("--rows", metavar="FILE", help="what `vknorm bench --rows` has printed")
    work.add_argument("--vknorm", metavar="PATH", help="the vknorm command, to ask for its rows")
    parser.add_argument("--suite", metavar="S[,S...]", type=words(()), default=[],
                        help="only rows of these suites, or all (those that `vknorm bench` runs by itself)")
    parser.add_argument("--filter", metavar="TEXT", default="", help="only rows whose names contain TEXT")
    parser.add_argument("--dtype", metavar="D[,D...]", type=words(rows.VALUES["dtype"]), default=["f32"],
                        help="f32, f16, bf16, in this order, or all (f32)")
    parser.add_argument("--min-time", metavar="SECONDS", type=positive, default=0.3, help="for each row (0.3)")
    parser.add_argument("--budget", metavar="SECONDS", type=positive, default=float("inf"),
                        help="begin no row after this time; what is left is listed as left_out")
    parser.add_argument("--max-bytes", metavar="BYTES", type=whole, default=None,
                        help="of memory for a row (half of what is free)")
    parser.add_argument("--threads", metavar="N", type=whole, default=len(os.sched_getaffinity(0)),
                        help="of the CPU (all cores)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--output", metavar="FILE", help="write JSON to FILE as well")
    return parser
