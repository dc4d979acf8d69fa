// SPDX-License-Identifier: MIT
// Strict reading of JSON: a file, and objects by a table of their keys.
#ifndef VKNORM_JSON_FIELDS_H
#define VKNORM_JSON_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

typedef struct json_word {
    const char *text; // NULL ends a list of words
    int value;
} json_word;

// A key: its reader, where the value goes, the words it takes, and from where to where numbers go.
typedef struct json_field {
    const char *name;
    const char *wanted; // what it must be, for messages; NULL: one of the words
    bool (*read)(const json_t *value, const struct json_field *field, void *target);
    size_t offset; // of the target, in the struct that is filled
    const json_word *words;
    double low, high;
    bool required;
} json_field;

// Readers, and their targets.
bool json_read_text(const json_t *value, const json_field *field, void *target);   // const char *: not empty
bool json_read_line(const json_t *value, const json_field *field, void *target);   // the same, fit for a terminal
bool json_read_word(const json_t *value, const json_field *field, void *target);   // int: the word's value
bool json_read_choice(const json_t *value, const json_field *field, void *target); // const char *: the word
bool json_read_number(const json_t *value, const json_field *field, void *target); // double; a word gives its value
bool json_read_size(const json_t *value, const json_field *field, void *target);   // double: an integer
bool json_read_flag(const json_t *value, const json_field *field, void *target);   // bool

typedef struct json_fields {
    const json_field *fields;
    size_t count;
    bool open; // other keys are passed over; else they are errors
} json_fields;

// Return COMMAND_OK, or COMMAND_FAILED after a message that begins with the label. Keys that are absent leave their
// targets as they are.
int json_fields_read(json_t *object, const char *label, const json_fields *keys, void *out);
int json_field_fail(const char *label, const char *name, const json_t *value, const char *wanted);

// A file's JSON. NULL after a message.
json_t *json_file_load(const char *path);

#endif
