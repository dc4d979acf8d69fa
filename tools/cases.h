// SPDX-License-Identifier: MIT
// The cases of `vknorm run`: a JSON array of objects, read strictly.
#ifndef VKNORM_CASES_H
#define VKNORM_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include <vknorm/vknorm.h>

typedef struct norm_case {
    const char *name;
    vkn_norm norm;
    vkn_layout layout;
    float momentum;
    bool backward, training;
    bool residual_before, biased_running_var;
    bool save_statistics; // forward saves them; else backward computes them again
} norm_case;

typedef struct case_list {
    size_t count;
    norm_case *items;
    struct json_t *json;  // owns the names
    struct json_t *index; // name to place in `items`
} case_list;

// Reads a file of cases. Returns COMMAND_OK, or COMMAND_FAILED after a message; *out is then empty.
int cases_load(const char *path, case_list *out);
void cases_free(case_list *);
const norm_case *cases_find(const case_list *, const char *name); // NULL where there is none
// "<case>.<tensor>", for the caller to free. NULL after a message.
char *case_tensor_name(const char *item, const char *tensor);

#endif
