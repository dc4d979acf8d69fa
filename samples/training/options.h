// SPDX-License-Identifier: MIT
// The command line: the options that all programs have, and a program's own ones behind them.
#ifndef TRAINING_OPTIONS_H
#define TRAINING_OPTIONS_H

#include <stdint.h>

#include "option.h"

// What a program's own options begin with.
typedef struct training_options {
    const training_choice *norm; // its value is a vkn_kind; 0: no norm
    uint32_t epochs, batch_size;
    double lr;
    uint64_t seed;
    const char *device;          // NULL: vknorm's choice
    const char *data;            // NULL: the program has it from elsewhere
    const char *csv, *steps_csv; // each of these may be NULL
    const char *save_init, *save, *save_batches;
    bool json, help;
} training_options;

// Files of one training, for the `without` of programs that do several.
#define TRAINING_FILES_OF_ONE "--steps-csv", "--save-init", "--save", "--save-batches"

// A program's command line.
typedef struct training_command {
    const char *name;                 // what its messages begin with
    const char *about;                // lines of --help: what it trains, to do what
    const char *data;                 // what --data is; may be NULL where it is not there
    const training_choice *norms;     // those of --norm; may be NULL where it is not there
    const char *const *without;       // options of all programs that it does not have, ended by NULL; NULL: it has all
    const training_option *options;   // its own; NULL: none
    const training_options *defaults; // of all its options: the first member of a struct of `bytes`
    size_t bytes;
} training_command;

// Fills `out`, of `bytes`. On a mistake says which on stderr, and returns false.
bool training_options_parse(const training_command *, training_options *out, int argc, char **argv);
void training_options_usage(const training_command *, const char *program);
// How a program of one process begins: names itself, parses, and prints what --help asks for. Returns what main() is to
// return, or -1: go on.
int training_options_begin(const training_command *, training_options *out, int argc, char **argv);

// Calls `visit` for each setting, those that all programs have first: its name ("batch_size"), and its value as text.
typedef void (*training_setting_visit)(void *user, const char *name, const char *value, bool quoted);
void training_options_settings(const training_command *, const training_options *, training_setting_visit, void *user);
// The same for the program's own ones alone.
void training_options_own_settings(const training_command *, const training_options *, training_setting_visit,
                                   void *user);

#endif
