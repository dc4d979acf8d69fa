#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# symbols.sh NM LIBRARY: the library, an archive or a shared one, shows vkn_* only and wants nothing of Vulkan.
set -euo pipefail
nm=$1 library=$2
scope=-g
if [[ $library == *.so ]]; then
    scope=-D
    if ldd "$library" | grep libvulkan; then
        echo "the Vulkan loader is linked"
        exit 1
    fi
fi
symbols() { # the names that `nm $@` prints, one a line; lines without a type are file names
    "$nm" "$@" "$library" | awk 'NF > 1 { print $NF }'
}
echo "$(symbols $scope --defined-only | grep -c '^vkn_') symbols vkn_*"
if symbols $scope --defined-only | grep -v '^vkn_'; then
    echo "these symbols are visible too"
    exit 1
fi
if symbols $scope --undefined-only | grep '^vk[A-Z]'; then
    echo "these Vulkan functions are wanted from outside"
    exit 1
fi
