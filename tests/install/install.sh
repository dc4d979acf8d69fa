#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install.sh CMAKE BUILD CONFIG PREFIX [CONFIGURE...]: runs the command CONFIGURE and builds, where it is given, and
# installs BUILD. The result is moved once, for a package must not know where it was installed.
set -euo pipefail
cmake=$1 build=$2 config=$3 prefix=$4
shift 4
if (($#)); then
    "$@"
    "$cmake" --build "$build" --config "$config"
fi
rm -rf "$prefix" "$prefix.moved"
"$cmake" --install "$build" --config "$config" --prefix "$prefix.moved"
mv "$prefix.moved" "$prefix"
