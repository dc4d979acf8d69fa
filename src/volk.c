// SPDX-License-Identifier: MIT
// volk's loader and its function tables, compiled once. Its globals stay hidden inside the library.
#define VOLK_IMPLEMENTATION
#include <volk.h>
