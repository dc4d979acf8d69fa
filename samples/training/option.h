// SPDX-License-Identifier: MIT
// One option of a command line: a row of a table.
#ifndef TRAINING_OPTION_H
#define TRAINING_OPTION_H

#include <stdbool.h>
#include <stddef.h>

// One of several names, and what it stands for. A list of them ends with one without a name.
typedef struct training_choice {
    const char *name;
    int value;
} training_choice;

typedef struct training_option training_option;

// How the text of an option is read into its field, and shown.
typedef struct training_kind {
    const char *expected; // "a number above 0"; behind it come the names of the choices
    bool (*read)(const training_option *, const char *text, void *field); // false: it is not what was expected
    void (*show)(const void *field, char *text, size_t size);
    bool setting, quoted; // a setting is a part of the result; quoted as JSON
} training_kind;

extern const training_kind training_count;    // uint32_t, 1 to 1000000
extern const training_kind training_seed;     // uint64_t
extern const training_kind training_rate;     // double above 0
extern const training_kind training_fraction; // double from 0 to below 1
extern const training_kind training_text;     // const char *
extern const training_kind training_one_of;   // const training_choice *, one of `choices`

// A table ends with one without a name.
struct training_option {
    const char *name, *value, *help; // value: NULL for a switch, whose field is a bool
    size_t offset;
    const training_kind *kind;
    const training_choice *choices; // of training_one_of
};

// "batch, layer, none"
void training_choices_list(const training_choice *, char *text, size_t size);
// `argument` is the option, --name value, --name=value or a switch; `next` what follows it, or NULL. Reads it into the
// struct `fields`. Returns how many arguments that took; 0 after a mistake, which it has told.
int training_option_read(const training_option *, const char *argument, const char *next, void *fields);
// NULL: none of the table is called so.
const training_option *training_option_find(const training_option *table, const char *argument);
void training_option_help(const training_option *, const void *defaults);

#endif
