// SPDX-License-Identifier: MIT
#include "json_fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const json_word *find_word(const json_t *value, const json_word *words) {
    for (; json_is_string(value) && words && words->text; words++) {
        if (strcmp(words->text, json_string_value(value)) == 0) {
            return words;
        }
    }
    return NULL;
}

bool json_read_text(const json_t *value, const json_field *field, void *target) {
    (void)field;
    if (!json_is_string(value) || json_string_length(value) == 0) {
        return false;
    }
    *(const char **)target = json_string_value(value);
    return true;
}

// Control characters would let a file steer the terminal.
bool json_read_line(const json_t *value, const json_field *field, void *target) {
    const char *text;
    if (!json_read_text(value, field, &text)) {
        return false;
    }
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    *(const char **)target = text;
    return true;
}

bool json_read_word(const json_t *value, const json_field *field, void *target) {
    const json_word *word = find_word(value, field->words);
    if (!word) {
        return false;
    }
    *(int *)target = word->value;
    return true;
}

bool json_read_choice(const json_t *value, const json_field *field, void *target) {
    const json_word *word = find_word(value, field->words);
    if (!word) {
        return false;
    }
    *(const char **)target = word->text;
    return true;
}

bool json_read_number(const json_t *value, const json_field *field, void *target) {
    const json_word *word = find_word(value, field->words);
    if (word) {
        *(double *)target = word->value;
        return true;
    }
    if (!json_is_number(value) || json_number_value(value) < field->low || json_number_value(value) > field->high) {
        return false;
    }
    *(double *)target = json_number_value(value);
    return true;
}

bool json_read_size(const json_t *value, const json_field *field, void *target) {
    return json_is_integer(value) && json_read_number(value, field, target);
}

bool json_read_flag(const json_t *value, const json_field *field, void *target) {
    (void)field;
    if (!json_is_boolean(value)) {
        return false;
    }
    *(bool *)target = json_is_true(value);
    return true;
}

int json_field_fail(const char *label, const char *name, const json_t *value, const char *wanted) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const int code = command_fail("%s: %s is %.80s, but must be %s", label, name, text ? text : "?", wanted);
    free(text);
    return code;
}

// "a, b or c"
static void join_words(const json_word *words, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (const json_word *word = words; word->text && used < size; word++) {
        const char *before = word == words ? "" : word[1].text ? ", " : " or ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", before, word->text);
    }
}

static int fail_field(const char *label, const json_field *field, const json_t *value) {
    char words[256];
    if (!field->wanted) {
        join_words(field->words, words, sizeof words);
    }
    return json_field_fail(label, field->name, value, field->wanted ? field->wanted : words);
}

static const json_field *find_field(const json_fields *keys, const char *name) {
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->fields[i].name, name) == 0) {
            return &keys->fields[i];
        }
    }
    return NULL;
}

int json_fields_read(json_t *object, const char *label, const json_fields *keys, void *out) {
    if (!json_is_object(object)) {
        return command_fail("%s: must be an object", label);
    }
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        const json_field *field = find_field(keys, name);
        if (!field && !keys->open) {
            return command_fail("%s: unknown key \"%.80s\"", label, name);
        }
        if (field && !field->read(value, field, (char *)out + field->offset)) {
            return fail_field(label, field, value);
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->fields[i].required && !json_object_get(object, keys->fields[i].name)) {
            return command_fail("%s: %s is missing", label, keys->fields[i].name);
        }
    }
    return COMMAND_OK;
}

json_t *json_file_load(const char *path) {
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
