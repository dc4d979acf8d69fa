// SPDX-License-Identifier: MIT
#include "cases.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"

// A case as it stands in the file; absent keys keep their defaults.
typedef struct fields {
    const char *name;
    int norm, pass, mode, layout, activation;
    double groups, normalized_rank; // 0: absent
    double eps, momentum, weight_offset;
    bool residual_before, biased_running_var, save_statistics;
} fields;

typedef struct word {
    const char *text;
    int value;
} word;

static const word norm_words[] = {{"batch", VKN_BATCH}, {"instance", VKN_INSTANCE}, {"group", VKN_GROUP},
                                  {"layer", VKN_LAYER}, {"rms", VKN_RMS},           {NULL, 0}};
static const word pass_words[] = {{"forward", 0}, {"backward", 1}, {NULL, 0}};
static const word mode_words[] = {{"train", 1}, {"eval", 0}, {NULL, 0}};
static const word layout_words[] = {
    {"channels_first", VKN_CHANNELS_FIRST}, {"channels_last", VKN_CHANNELS_LAST}, {NULL, 0}};
static const word activation_words[] = {{"none", VKN_NO_ACTIVATION}, {"relu", VKN_RELU}, {"silu", VKN_SILU}, {NULL, 0}};
static const word no_words[] = {{NULL, 0}};
static const word momentum_words[] = {{"cumulative", (int)VKN_MOMENTUM_CUMULATIVE}, {NULL, 0}};

// Where a reader finds its key, the words it takes, and what to say that it takes.
typedef struct case_key {
    const char *name, *wanted;
    bool (*read)(const json_t *value, const struct case_key *key, void *target);
    size_t offset;
    const word *words;
    double low, high;
} case_key;

static bool find_word(const json_t *value, const word *words, int *found) {
    for (; json_is_string(value) && words->text; words++) {
        if (strcmp(words->text, json_string_value(value)) == 0) {
            *found = words->value;
            return true;
        }
    }
    return false;
}

static bool read_text(const json_t *value, const case_key *self, void *target) {
    (void)self;
    if (!json_is_string(value) || json_string_length(value) == 0) {
        return false;
    }
    *(const char **)target = json_string_value(value);
    return true;
}

static bool read_word(const json_t *value, const case_key *self, void *target) {
    return find_word(value, self->words, target);
}

static bool read_number(const json_t *value, const case_key *self, void *target) {
    int found;
    if (find_word(value, self->words, &found)) {
        *(double *)target = found;
        return true;
    }
    if (!json_is_number(value) || json_number_value(value) < self->low || json_number_value(value) > self->high) {
        return false;
    }
    *(double *)target = json_number_value(value);
    return true;
}

static bool read_size(const json_t *value, const case_key *self, void *target) {
    return json_is_integer(value) && read_number(value, self, target);
}

static bool read_flag(const json_t *value, const case_key *self, void *target) {
    (void)self;
    if (!json_is_boolean(value)) {
        return false;
    }
    *(bool *)target = json_is_true(value);
    return true;
}

#define TARGET(field) offsetof(fields, field)
static const case_key keys[] = {
    {"name", "a text that is not empty", read_text, TARGET(name), no_words, 0, 0},
    {"norm", "batch, instance, group, layer or rms", read_word, TARGET(norm), norm_words, 0, 0},
    {"pass", "forward or backward", read_word, TARGET(pass), pass_words, 0, 0},
    {"mode", "train or eval", read_word, TARGET(mode), mode_words, 0, 0},
    {"layout", "channels_first or channels_last", read_word, TARGET(layout), layout_words, 0, 0},
    {"groups", "an integer from 1 to 4294967295", read_size, TARGET(groups), no_words, 1, UINT32_MAX},
    {"normalized_rank", "an integer from 1 to 6", read_size, TARGET(normalized_rank), no_words, 1, VKN_MAX_RANK},
    {"eps", "a number from 0 to the largest float", read_number, TARGET(eps), no_words, 0, FLT_MAX},
    {"momentum", "a number from 0 to 1 or \"cumulative\"", read_number, TARGET(momentum), momentum_words, 0, 1},
    {"activation", "none, relu or silu", read_word, TARGET(activation), activation_words, 0, 0},
    {"residual_before", "true or false", read_flag, TARGET(residual_before), no_words, 0, 0},
    {"weight_offset", "a number in the range of float", read_number, TARGET(weight_offset), no_words, -FLT_MAX,
     FLT_MAX},
    {"biased_running_var", "true or false", read_flag, TARGET(biased_running_var), no_words, 0, 0},
    {"save_statistics", "true or false", read_flag, TARGET(save_statistics), no_words, 0, 0},
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };

static const case_key *find_key(const char *name) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static int bad_value(const char *label, const case_key *key, const json_t *value) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const int code = command_fail("%s: %s is %.80s, but must be %s", label, key->name, text ? text : "?", key->wanted);
    free(text);
    return code;
}

static int read_fields(json_t *object, const char *label, fields *out) {
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        const case_key *key = find_key(name);
        if (!key) {
            return command_fail("%s: unknown key \"%.80s\"", label, name);
        }
        if (!key->read(value, key, (char *)out + key->offset)) {
            return bad_value(label, key, value);
        }
    }
    return COMMAND_OK;
}

// What one key says about another.
static int check_fields(const char *label, const fields *in) {
    if (!in->name || !in->norm) {
        return command_fail("%s: %s is missing", label, in->name ? "norm" : "name");
    }
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
    if (!json_is_object(object)) {
        return command_fail("%s: must be an object", label);
    }
    fields in = {.mode = 1, .layout = VKN_CHANNELS_FIRST, .eps = 1e-5, .momentum = 0.1, .save_statistics = true};
    int code = read_fields(object, label, &in);
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

static json_t *read_json(const char *path) {
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        command_fail("%s: %s", path, strerror(errno));
        return NULL;
    }
    json_error_t error;
    json_t *json = json_loadf(stream, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        command_fail("%s: line %d: %s", path, error.line, error.text);
    }
    fclose(stream);
    return json;
}

int cases_load(const char *path, case_list *out) {
    *out = (case_list){0};
    out->json = read_json(path);
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
