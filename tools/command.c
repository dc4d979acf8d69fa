// SPDX-License-Identifier: MIT
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_message(const char *prefix, const char *format, va_list arguments) {
    fputs(isatty(STDERR_FILENO) ? "\r\033[K" : "", stderr);
    fprintf(stderr, "vknorm%s%s: ", *prefix ? " " : "", prefix);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void command_say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_message("", format, arguments);
    va_end(arguments);
}

void command_progress(const char *format, ...) {
    if (isatty(STDERR_FILENO)) {
        va_list arguments;
        va_start(arguments, format);
        fputs("\r\033[K", stderr);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
    }
}

int command_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_message("", format, arguments);
    va_end(arguments);
    return COMMAND_FAILED;
}

int command_usage(const command *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_message(self->name, format, arguments);
    va_end(arguments);
    fprintf(stderr, "usage: vknorm %s %s\n", self->name, self->synopsis);
    return COMMAND_USAGE;
}

int command_finish(void) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return command_fail("cannot write to standard output: %s", strerror(errno));
    }
    return COMMAND_OK;
}

// Where `argument` is `option` or `option=value`: true, and the value after '=' or NULL.
static bool match_option(const char *argument, const command_option *option, const char **value) {
    const size_t length = strlen(option->name);
    if (strncmp(argument, option->name, length) != 0 || (argument[length] != '\0' && argument[length] != '=')) {
        return false;
    }
    *value = argument[length] == '=' ? argument + length + 1 : NULL;
    return true;
}

static int fail_word(const command *self, const command_option *option, const char *word, size_t length) {
    char known[128] = "";
    size_t used = 0;
    for (const json_word *w = option->words; w->text && used < sizeof known; w++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s, ", w->text);
    }
    return command_usage(self, "%s: \"%.*s\" is none of %sall", option->name, (int)length, word, known);
}

static int take_set(const command *self, const command_option *option, const char *text) {
    *option->set = 0;
    for (const char *word = text;; word++) {
        const size_t length = strcspn(word, ",");
        const bool all = length == 3 && strncmp(word, "all", length) == 0;
        uint32_t found = 0;
        for (uint32_t i = 0; option->words[i].text; i++) {
            const char *known = option->words[i].text;
            if (all || (strlen(known) == length && strncmp(word, known, length) == 0)) {
                found |= 1U << i;
            }
        }
        if (found == 0) {
            return fail_word(self, option, word, length);
        }
        *option->set |= found;
        word += length;
        if (*word == '\0') {
            return COMMAND_OK;
        }
    }
}

// Takes the option at argv[*i], and moves *i past its value.
static int take_option(const command *self, int argc, char **argv, int *i, const command_option *options,
                       size_t option_count) {
    const char *argument = argv[*i];
    for (size_t o = 0; o < option_count; o++) {
        const command_option *option = &options[o];
        const char *value;
        if (!match_option(argument, option, &value)) {
            continue;
        }
        if (option->flag) {
            *option->flag = true;
            return value ? command_usage(self, "%s takes no value, but got \"%s\"", option->name, value) : COMMAND_OK;
        }
        if (!value && *i + 1 < argc) {
            value = argv[++*i];
        }
        if (!value) {
            return command_usage(self, "%s needs a value", option->name);
        }
        if (option->set) {
            return take_set(self, option, value);
        }
        *option->value = value;
        return COMMAND_OK;
    }
    return command_usage(self, "unknown option %s", argument);
}

int command_parse_some(const command *self, int argc, char **argv, const command_option *options, size_t option_count,
                       const char **operands, size_t most, size_t *count) {
    *count = 0;
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            const int code = take_option(self, argc, argv, &i, options, option_count);
            if (code != COMMAND_OK) {
                return code;
            }
        } else if (*count < most) {
            operands[(*count)++] = argv[i];
        } else {
            return command_usage(self, "\"%s\" is one argument too many, %zu wanted", argv[i], most);
        }
    }
    return COMMAND_OK;
}

int command_parse(const command *self, int argc, char **argv, const command_option *options, size_t option_count,
                  const char **operands, size_t operand_count) {
    size_t count;
    const int code = command_parse_some(self, argc, argv, options, option_count, operands, operand_count, &count);
    if (code == COMMAND_OK && count < operand_count) {
        return command_usage(self, "%zu arguments given, %zu wanted", count, operand_count);
    }
    return code;
}
