// SPDX-License-Identifier: MIT
#include "cases.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "json_fields.h"
#include "norm_words.h"

// A case as it stands in the file; absent keys keep their defaults.
typedef struct fields {
    const char *name;
    int norm, pass, mode, layout, activation;
    double groups, normalized_rank; // 0: absent
    double eps, momentum, weight_offset;
    bool residual_before, biased_running_var, save_statistics;
} fields;

static const json_word activation_words[] = {
    {"none", VKN_NO_ACTIVATION}, {"relu", VKN_RELU}, {"silu", VKN_SILU}, {NULL, 0}};
static const json_word momentum_words[] = {{"cumulative", (int)VKN_MOMENTUM_CUMULATIVE}, {NULL, 0}};

#define TARGET(field) offsetof(fields, field)
static const json_field keys[] = {
    {"name", "a text that is not empty", json_read_text, TARGET(name), NULL, 0, 0, true},
    {"norm", NULL, json_read_word, TARGET(norm), norm_words, 0, 0, true},
    {"pass", NULL, json_read_word, TARGET(pass), pass_words, 0, 0, false},
    {"mode", NULL, json_read_word, TARGET(mode), mode_words, 0, 0, false},
    {"layout", NULL, json_read_word, TARGET(layout), layout_words, 0, 0, false},
    {"groups", "an integer from 1 to 4294967295", json_read_size, TARGET(groups), NULL, 1, UINT32_MAX, false},
    {"normalized_rank", "an integer from 1 to 6", json_read_size, TARGET(normalized_rank), NULL, 1, VKN_MAX_RANK,
     false},
    {"eps", "a number from 0 to the largest float", json_read_number, TARGET(eps), NULL, 0, FLT_MAX, false},
    {"momentum", "a number from 0 to 1 or \"cumulative\"", json_read_number, TARGET(momentum), momentum_words, 0, 1,
     false},
    {"activation", NULL, json_read_word, TARGET(activation), activation_words, 0, 0, false},
    {"residual_before", "true or false", json_read_flag, TARGET(residual_before), NULL, 0, 0, false},
    {"weight_offset", "a number in the range of float", json_read_number, TARGET(weight_offset), NULL, -FLT_MAX,
     FLT_MAX, false},
    {"biased_running_var", "true or false", json_read_flag, TARGET(biased_running_var), NULL, 0, 0, false},
    {"save_statistics", "true or false", json_read_flag, TARGET(save_statistics), NULL, 0, 0, false},
};
static const json_fields case_fields = {keys, sizeof keys / sizeof *keys, false};

// What one key says about another.
static int check_fields(const char *label, const fields *in) {
    const char *norm = norm_words[in->norm - VKN_BATCH].text;
    const bool ranked = in->norm == VKN_LAYER || in->norm == VKN_RMS;
    if (in->norm == VKN_GROUP && in->groups == 0) {
        return command_fail("%s: groups is missing, and norm is group", label);
    }
    if (in->norm != VKN_GROUP && in->groups != 0) {
        return command_fail("%s: groups is %.0f, but norm is %s, not group", label, in->groups, norm);
    }
    if (!ranked && in->normalized_rank != 0) {
        return command_fail("%s: normalized_rank is %.0f, but norm is %s, not layer or rms", label, in->normalized_rank,
                            norm);
    }
    return COMMAND_OK;
}

static norm_case make_case(const fields *in) {
    vkn_norm norm = vkn_norm_defaults((vkn_kind)in->norm);
    norm.eps = (float)in->eps;
    norm.activation = (vkn_activation)in->activation;
    norm.weight_offset = (float)in->weight_offset;
    if (in->groups != 0) {
        norm.groups = (uint32_t)in->groups;
    }
    if (in->normalized_rank != 0) {
        norm.normalized_rank = (uint32_t)in->normalized_rank;
    }
    return (norm_case){.name = in->name,
                       .norm = norm,
                       .layout = (vkn_layout)in->layout,
                       .momentum = (float)in->momentum,
                       .backward = in->pass != 0,
                       .training = in->mode != 0,
                       .residual_before = in->residual_before,
                       .biased_running_var = in->biased_running_var,
                       .save_statistics = in->save_statistics};
}

static int read_case(json_t *object, size_t place, const char *path, case_list *out) {
    const char *name = json_string_value(json_object_get(object, "name"));
    char label[256];
    if (name && *name) {
        snprintf(label, sizeof label, "%.120s: case %.80s", path, name);
    } else {
        snprintf(label, sizeof label, "%.120s: case number %zu", path, place + 1);
    }
    fields in = {.mode = 1, .layout = VKN_CHANNELS_FIRST, .eps = 1e-5, .momentum = 0.1, .save_statistics = true};
    int code = json_fields_read(object, label, &case_fields, &in);
    if (code == COMMAND_OK) {
        code = check_fields(label, &in);
    }
    if (code != COMMAND_OK) {
        return code;
    }
    if (json_object_get(out->index, in.name)) {
        return command_fail("%s: the name is used twice", label);
    }
    if (json_object_set_new(out->index, in.name, json_integer((json_int_t)out->count)) != 0) {
        return command_fail("%s: no memory", label);
    }
    out->items[out->count++] = make_case(&in);
    return COMMAND_OK;
}

int cases_load(const char *path, case_list *out) {
    *out = (case_list){0};
    out->json = json_file_load(path);
    if (!out->json) {
        return COMMAND_FAILED;
    }
    int code = COMMAND_OK;
    const size_t count = json_array_size(out->json);
    out->index = json_object();
    out->items = calloc(count + 1, sizeof *out->items);
    if (!json_is_array(out->json)) {
        code = command_fail("%s: must be an array of cases", path);
    } else if (!out->items || !out->index) {
        code = command_fail("%s: no memory for %zu cases", path, count);
    }
    for (size_t i = 0; code == COMMAND_OK && i < count; i++) {
        code = read_case(json_array_get(out->json, i), i, path, out);
    }
    if (code != COMMAND_OK) {
        cases_free(out);
    }
    return code;
}

void cases_free(case_list *self) {
    free(self->items);
    json_decref(self->index);
    json_decref(self->json);
    *self = (case_list){0};
}

const norm_case *cases_find(const case_list *self, const char *name) {
    const json_t *place = json_object_get(self->index, name);
    return place ? &self->items[json_integer_value(place)] : NULL;
}

char *case_tensor_name(const char *item, const char *tensor) {
    const size_t size = strlen(item) + strlen(tensor) + 2;
    char *name = malloc(size);
    if (name) {
        snprintf(name, size, "%s.%s", item, tensor);
    } else {
        command_fail("case %.80s: no memory for the name of %.80s", item, tensor);
    }
    return name;
}
