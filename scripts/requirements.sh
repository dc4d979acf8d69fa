# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts need on a machine, how it gets there, and the build they share. Sourced.

jobs=$(nproc 2>/dev/null || echo 2)

# The Vulkan loader's and layers' places for manifests, as cmake/drivers.cmake has them.
vulkan_places=(/usr/share/vulkan /usr/local/share/vulkan /etc/vulkan "${HOME:-/root}/.local/share/vulkan")
swiftshader_places=(/usr/lib/chromium /usr/lib64/chromium-browser /usr/lib/chromium-browser /opt/google/chrome
    /snap/chromium/current/usr/lib/chromium-browser)

has_command() { command -v "$1" >/dev/null; }
has_header() { printf '#include <%s>\n' "$1" | cc -E -x c - >/dev/null 2>&1; }
has_package() { pkg-config --exists "$1" 2>/dev/null; }
has_libfuzzer() {
    echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null
}
has_mpi() { echo '#include <mpi.h>' | mpicc -E -x c - >/dev/null 2>&1; }
has_loader() { ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || has_library libvulkan.so.1; }
has_library() { compgen -G "/usr/lib*/$1" >/dev/null || compgen -G "/usr/lib/*/$1" >/dev/null; }
has_layer() { has_file "$1" "${vulkan_places[@]/%//explicit_layer.d}"; }
has_driver() { # a driver's manifest by its file name, or whatever the environment gives the loader
    has_file "$1" "${vulkan_places[@]/%//icd.d}" ||
        { [[ $1 == '*.json' && -n ${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}} ]]; }
}
has_swiftshader() { has_file vk_swiftshader_icd.json "${swiftshader_places[@]}" "${vulkan_places[@]/%//icd.d}"; }
find_python() { # sets python to one that has numpy: the first in the path may be a user's own, without
    for python in python3 /usr/bin/python3; do
        ! "$python" -c 'import numpy' 2>/dev/null || return 0
    done
    return 1
}
has_venv() { find_python && "$python" -c 'import ensurepip, venv' 2>/dev/null; }
has_file() { # has_file PATTERN FOLDER...
    local folder
    for folder in "${@:2}"; do
        ! compgen -G "$folder/$1" >/dev/null || return 0
    done
    return 1
}

# group | Debian package | how to see that it is there | what it is for. Only where a line's test fails is its package
# installed. The groups `optional...` may stay missing.
requirements='
build    | cmake                    | has_command cmake                   | configures the build (3.22 or later)
build    | ninja-build              | has_command ninja                   | runs the build
build    | gcc                      | has_command cc                      | compiles the library
build    | libc6-dev                | has_header stdlib.h                 | the C headers
build    | glslc                    | has_command glslc                   | compiles the shaders
build    | spirv-tools              | has_command spirv-val               | checks the compiled shaders
build    | libvulkan-dev            | has_header vulkan/vulkan_core.h     | the Vulkan headers
build    | libvulkan-volk-dev       | has_header volk.h                   | volk, which loads Vulkan at run time
build    | pkg-config               | has_command pkg-config              | finds jansson; a test builds against vknorm.pc
build    | libjansson-dev           | has_package jansson                 | JSON, for the state of layers, the samples and the vknorm command
demo     | libvulkan1               | has_loader                          | the Vulkan loader
demo     | mesa-vulkan-drivers      | has_driver *.json                   | a Vulkan driver, for the CPU where there is no GPU
test     | libvulkan1               | has_loader                          | the Vulkan loader
test     | mesa-vulkan-drivers      | has_driver lvp_icd*.json            | lavapipe, a Vulkan driver for the CPU
test     | vulkan-validationlayers  | has_layer VkLayer_khronos_validation.json | checks every use of Vulkan
test     | libvulkan-dev            | has_library libvulkan.so            | a test links the loader
test     | libcmocka-dev            | has_header cmocka.h                 | the test framework
test     | libopenmpi-dev           | has_mpi                             | MPI, for the library vknorm-mpi
test     | openmpi-bin              | has_command mpirun                  | starts the ranks of tests on several devices
test     | g++                      | has_command c++                     | a test builds C++ applications
test     | python3-numpy            | find_python                         | checks the vknorm command against numpy
optional | chromium                 | has_swiftshader                     | SwiftShader, the second CPU driver to test on
python   | python3-venv             | has_venv                            | keeps PyTorch and onnx apart from the system
clang    | clang                    | has_command clang++                 | the second compiler
lint     | clang-format             | has_command clang-format            | the format check
lint     | clang-tidy               | has_command clang-tidy              | the static analysis
'

# Clang's own version is in its package's name: to be called when there is a clang.
require_libfuzzer() {
    local version
    version=$(clang -dumpversion)
    requirements+="libfuzzer | libclang-rt-${version%%.*}-dev | has_libfuzzer | libFuzzer, for the tests of files"$'\n'
    require libfuzzer
}

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Sets missing_packages to those of the groups $@ whose test fails, and missing_text to lines that say what they are for.
find_missing() {
    local group package test purpose
    missing_packages=() missing_text=
    while IFS='|' read -r group package test purpose; do
        read -r group <<<"$group"
        read -r package <<<"$package"
        [[ " $* " == *" $group "* ]] || continue
        set -f # the patterns in the table are for the tests, not for the shell
        # shellcheck disable=SC2086 # words: a function and its argument
        if ! $test; then
            [[ " ${missing_packages[*]-} " == *" $package "* ]] || missing_packages+=("$package")
            missing_text+=$(printf '  %-24s %s' "$package" "${purpose# }")$'\n'
        fi
        set +f
    done <<<"$requirements"
}

# Debian's way: through apt, as root or with sudo. Everything else gets a list.
require() {
    find_missing "$@"
    ((${#missing_packages[@]})) || return 0
    if ! has_command apt-get; then
        fail "Missing (by the names of Debian's packages; here they may differ):"$'\n'"$missing_text"
    fi
    local as_root=()
    if ((EUID != 0)); then
        has_command sudo || fail "Missing, and installing needs root:"$'\n'"$missing_text"
        as_root=(sudo)
    fi
    say "Installing with apt what is missing here:"
    printf '%s' "$missing_text"
    "${as_root[@]}" apt-get update -q </dev/null
    local package unknown=()
    for package in "${missing_packages[@]}"; do
        apt-cache show "$package" >/dev/null 2>&1 || unknown+=("$package")
    done
    ((${#unknown[@]} == 0)) || fail "This release of the system has no package for: ${unknown[*]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "${missing_packages[@]}" </dev/null || fail "apt could not install: ${missing_packages[*]}"
    find_missing "$@"
    ((${#missing_packages[@]} == 0)) || fail "Still missing after the installation:"$'\n'"$missing_text"
}

# What is good to have: installed where apt has it as a real package, else reported.
require_optional() {
    find_missing "$@"
    ((${#missing_packages[@]})) || return 0
    local id=
    [[ ! -r /etc/os-release ]] || id=$(. /etc/os-release && echo "${ID:-}")
    if [[ $id == ubuntu ]]; then
        say "Going on without (Ubuntu has chromium only as a snap: \`snap install chromium\` brings it):"
        printf '%s' "$missing_text"
    elif has_command apt-get; then
        (require "$@") || say "Going on without it."
    else
        say "Going on without:"
        printf '%s' "$missing_text"
    fi
}

build() { # build PRESET [CMAKE ARGUMENT...]
    say "Building into build/$1"
    mkdir -p build
    if ! { cmake --preset "$@" "-DVKNORM_PYTHON=$(command -v "$python")" && cmake --build --preset "$1" -j "$jobs"; } >"build/$1.log" 2>&1; then
        tail -n 60 "build/$1.log"
        fail "The build failed (build/$1.log)"
    fi
    grep -E '^-- (No tests?|Tests run without)' "build/$1.log" || true
}
