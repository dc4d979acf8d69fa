#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pkgconfig.sh SOURCES FOLDER NAME...: builds the applications NAME of SOURCES as C and as C++ into FOLDER, with what
# pkg-config says of vknorm. Environment: PKG_CONFIG, CC, CXX, CFLAGS.
set -euo pipefail
sources=$1 folder=$2
shift 2
rm -rf "$folder"
mkdir -p "$folder"
read -ra flags <<<"$CFLAGS -Wall -Wextra -Werror"
for name in "$@"; do
    packages=(vknorm)
    libs=()
    case $name in
    loader) packages+=(vulkan) ;;
    volk) libs=(-ldl) ;;
    mpi) packages+=(vknorm-mpi) ;;
    esac
    read -ra found_flags <<<"$("$PKG_CONFIG" --cflags "${packages[@]}")"
    read -ra found_libs <<<"$("$PKG_CONFIG" --libs "${packages[@]}")"
    libs+=("${found_libs[@]}" -lm "-Wl,-rpath,$("$PKG_CONFIG" --variable=libdir vknorm)")
    "$CC" -std=c11 "${flags[@]}" "${found_flags[@]}" "$sources/$name.c" -o "$folder/$name-c" "${libs[@]}"
    "$CXX" -std=c++17 "${flags[@]}" "${found_flags[@]}" -x c++ "$sources/$name.c" -x none -o "$folder/$name-cpp" "${libs[@]}"
done
# A static library's dependencies count here; the package must stay linkable when they are asked for.
"$PKG_CONFIG" --static --libs vknorm
