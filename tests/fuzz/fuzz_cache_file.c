// SPDX-License-Identifier: MIT
// libFuzzer's target for the pipeline cache's file. Each input is read as a file, and again with a header that fits it,
// for no mutation finds the hash; what is taken must then be what was sealed.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cache_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const vkn_cache_identity identity = {.vendor_id = 0x1002, .device_id = 0x73bf, .driver_version = 3};
    char why[256] = "";
    uint8_t *file = malloc(size ? size : 1); // of its own, for what is read beyond it to show
    if (!file) return -1;
    if (size) memcpy(file, data, size);
    const bool taken = vkn_cache_check(file, size, &identity, why, sizeof why);
    const bool sealed = vkn_cache_seal(file, size, &identity, why, sizeof why);
    if (sealed != vkn_cache_check(file, size, &identity, why, sizeof why)) abort();
    if (taken && (!sealed || memcmp(file, data, size) != 0)) abort();
    free(file);
    return 0;
}
