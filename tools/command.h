// SPDX-License-Identifier: MIT
// What the subcommands of `vknorm` share: their table's row, options, messages and exit codes.
#ifndef VKNORM_COMMAND_H
#define VKNORM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json_fields.h"

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

#if defined(__GNUC__)
#define COMMAND_PRINTF(text, rest) __attribute__((format(printf, text, rest)))
#else
#define COMMAND_PRINTF(text, rest)
#endif

// A subcommand: one of these at the end of its own file, and a row of the table in main.c.
typedef struct command {
    const char *name;
    const char *synopsis;                                      // what follows the name: "IN OUT [--device D]"
    const char *summary;                                       // one line
    const char *details;                                       // the rest of its --help
    int (*run)(const struct command *, int argc, char **argv); // the arguments after the name; returns an exit code
} command;

extern const command command_devices, command_run, command_bench, command_compare, command_report, command_kernels;

// An option with a value (`--name V` or `--name=V`), or a flag, or words with commas between, each of which is a bit by
// its place in `words`; "all" is all of them.
typedef struct command_option {
    const char *name; // with its dashes
    const char **value;
    bool *flag;
    const json_word *words;
    uint32_t *set;
} command_option;

// Sorts the arguments into options and exactly `operand_count` operands. Returns COMMAND_OK, or COMMAND_USAGE after a
// message.
int command_parse(const command *, int argc, char **argv, const command_option *options, size_t option_count,
                  const char **operands, size_t operand_count);
// The same with as many operands as there are, up to `most`.
int command_parse_some(const command *, int argc, char **argv, const command_option *options, size_t option_count,
                       const char **operands, size_t most, size_t *count);

// Print a message on stderr, in place of a progress line where one stands. The second and third return COMMAND_FAILED,
// and COMMAND_USAGE after the synopsis.
void command_say(const char *format, ...) COMMAND_PRINTF(1, 2);
int command_fail(const char *format, ...) COMMAND_PRINTF(1, 2);
int command_usage(const command *, const char *format, ...) COMMAND_PRINTF(2, 3);
// A line on stderr that the next one replaces, where that is a terminal; "" ends it.
void command_progress(const char *format, ...) COMMAND_PRINTF(1, 2);
// Ends what goes to stdout: COMMAND_FAILED where it could not all be written.
int command_finish(void);

#endif
