// SPDX-License-Identifier: MIT
// An application's own volk: the tests that bring their own device stand for such an application.
#define VOLK_IMPLEMENTATION
#include <volk.h>
