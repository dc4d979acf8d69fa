// SPDX-License-Identifier: MIT
#include "norm_words.h"

#include <vknorm/vknorm.h>

const json_word norm_words[] = {{"batch", VKN_BATCH}, {"instance", VKN_INSTANCE}, {"group", VKN_GROUP},
                                {"layer", VKN_LAYER}, {"rms", VKN_RMS},           {NULL, 0}};
const json_word pass_words[] = {{"forward", 0}, {"backward", 1}, {NULL, 0}};
const json_word mode_words[] = {{"train", 1}, {"eval", 0}, {NULL, 0}};
const json_word layout_words[] = {
    {"channels_first", VKN_CHANNELS_FIRST}, {"channels_last", VKN_CHANNELS_LAST}, {NULL, 0}};
const json_word dtype_words[] = {{"f32", VKN_F32}, {"f16", VKN_F16}, {"bf16", VKN_BF16}, {NULL, 0}};
