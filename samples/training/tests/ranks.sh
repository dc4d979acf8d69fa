#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ranks.sh PROGRAM PROGRAM_MPI RANKS MPIRUN... -- OPTION...: trains with OPTION... alone (PROGRAM), and on each number of
# RANKS ("1 2 4": MPIRUN... 2 PROGRAM_MPI). Prints the training losses of each epoch side by side, and fails where one is further
# from that of one process than a unit of 2^-23 of it for each step so far: what rounding may do to the parameters in a
# step, all of it in one direction. (Not the test losses: the biases in front of a batch norm have no gradient but that of
# rounding, of which Adam makes steps as large as any other; the running means follow them late.) The ranks must say no
# more than one process does.
set -euo pipefail
program=$1 program_mpi=$2 ranks=$3
shift 3
mpirun=()
while [[ $1 != -- ]]; do
    mpirun+=("$1")
    shift
done
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

train() { # train NAME COMMAND...
    "${@:2}" --csv "$folder/$1.csv" >"$folder/$1.txt" 2>"$folder/$1.err" || {
        cat "$folder/$1".{txt,err}
        exit 1
    }
    cat "$folder/$1.err"
    grep -E 'VUID-|SYNC-HAZARD|UNASSIGNED-|Validation ' "$folder/$1.txt" || true # for ctest to see
    [[ ! -s $folder/$1.err ]] || exit 1
}

train alone "$program" "$@"
files=("$folder/alone.csv")
for n in $ranks; do
    train "$n" "${mpirun[@]}" "$n" "$program_mpi" "$@"
    files+=("$folder/$n.csv")
    # The same lines; seconds, digits and the number of ranks aside.
    if ! diff <(sed 's/, and those of .*//; s/[0-9.]*//g; s/  */ /g' "$folder/alone.txt") \
        <(sed 's/, and those of .*//; s/[0-9.]*//g; s/  */ /g' "$folder/$n.txt"); then
        echo "$n ranks do not say what one process says"
        exit 1
    fi
done
read -r records batch < <(sed -n 's/^data  *\([0-9]*\) records.*/\1/p; s/.*batch size \([0-9]*\).*/\1/p' "$folder/alone.txt" | xargs)

paste -d, "${files[@]}" | awk -F, -v ranks="alone $ranks" -v steps="$((records / batch))" '
    NR == 1 {
        count = split(ranks, name, " ")
        printf "%5s", "epoch"
        for (i = 1; i <= count; i++) printf "  %11s", i == 1 ? "alone" : name[i] " ranks"
        print "   difference  allowed"
        next
    }
    {
        worst = 0
        printf "%5d", $1
        for (i = 0; i < count; i++) {
            printf "  %.9f", $(4 * i + 2)
            difference = $(4 * i + 2) / $2 - 1
            if (difference < 0) difference = -difference
            if (!(difference <= worst)) worst = difference
        }
        allowed = 2 ^ -23 * steps * $1
        printf "  %11.1e  %.1e%s\n", worst, allowed, worst <= allowed ? "" : "  TOO FAR"
        if (!(worst <= allowed)) bad++
        if (worst > largest) largest = worst
    }
    END {
        printf "largest difference %.1e\n", largest
        exit bad > 0 || NR < 2
    }'
