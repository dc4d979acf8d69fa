#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh FOLDER: runs every program in FOLDER; all must succeed, and there must be one.
set -euo pipefail
shopt -s failglob
for program in "$1"/*; do
    printf '%s: ' "${program##*/}"
    "$program"
done
