// SPDX-License-Identifier: MIT
// The words that the files of cases and of results have in common.
#ifndef VKNORM_NORM_WORDS_H
#define VKNORM_NORM_WORDS_H

#include "json_fields.h"

extern const json_word norm_words[]; // in the order of vkn_kind
extern const json_word pass_words[]; // 1: backward
extern const json_word mode_words[]; // 1: train
extern const json_word layout_words[];
extern const json_word dtype_words[]; // in the order of vkn_dtype, those that x can have

#endif
