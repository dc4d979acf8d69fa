// SPDX-License-Identifier: MIT
// The samples' own volk: the library hides its copy.
#define VOLK_IMPLEMENTATION
#include <volk.h>
