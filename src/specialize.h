// SPDX-License-Identifier: MIT
// Specialization on the host: a shader's specialization constants become plain constants before the driver sees them.
// Drivers may take them for ordinary values, as SwiftShader does, and then run every path that they switch off.
#ifndef VKN_SPECIALIZE_H
#define VKN_SPECIALIZE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VKN_SPIRV_BOUND = 3 }; // word of a module that all its ids are below

// Copies `count` words of SPIR-V to `out`, which must have as much room, with values[constant_id] of `value_count` for
// the specialization constants, and what is computed from them alone. Gives the number of words written; 0 where the
// module is not well formed, has another constant_id, or computes with an instruction that is not known here; `scratch`
// has room for two words for each id.
size_t vkn_specialize(const uint32_t *words, size_t count, const uint32_t *values, uint32_t value_count, uint32_t *out,
                      uint32_t *scratch);

#endif
