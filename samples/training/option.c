// SPDX-License-Identifier: MIT
#include "option.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

static bool read_whole(const char *text, uint64_t least, uint64_t most, uint64_t *value) {
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *value >= least && *value <= most;
}

static bool read_count(const training_option *option, const char *text, void *field) {
    (void)option;
    uint64_t value;
    if (!read_whole(text, 1, 1000000, &value)) return false;
    *(uint32_t *)field = (uint32_t)value;
    return true;
}

static bool read_seed(const training_option *option, const char *text, void *field) {
    (void)option;
    uint64_t value;
    if (!read_whole(text, 0, INT64_MAX, &value)) return false;
    *(uint64_t *)field = value;
    return true;
}

static bool read_number(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

static bool read_rate(const training_option *option, const char *text, void *field) {
    (void)option;
    double value;
    if (!read_number(text, &value) || value <= 0) return false;
    *(double *)field = value;
    return true;
}

static bool read_fraction(const training_option *option, const char *text, void *field) {
    (void)option;
    double value;
    if (!read_number(text, &value) || value < 0 || value >= 1) return false;
    *(double *)field = value;
    return true;
}

static bool read_text(const training_option *option, const char *text, void *field) {
    (void)option;
    if (!*text) return false;
    *(const char **)field = text;
    return true;
}

static bool read_choice(const training_option *option, const char *text, void *field) {
    for (const training_choice *c = option->choices; c->name; c++) {
        if (strcmp(c->name, text) != 0) continue;
        *(const training_choice **)field = c;
        return true;
    }
    return false;
}

static void show_count(const void *field, char *text, size_t size) {
    snprintf(text, size, "%u", *(const uint32_t *)field);
}

static void show_seed(const void *field, char *text, size_t size) {
    snprintf(text, size, "%llu", (unsigned long long)*(const uint64_t *)field);
}

static void show_number(const void *field, char *text, size_t size) {
    snprintf(text, size, "%.9g", *(const double *)field);
}

// A path without its folders.
static void show_text(const void *field, char *text, size_t size) {
    const char *path = *(const char *const *)field, *slash = path ? strrchr(path, '/') : NULL;
    snprintf(text, size, "%s", slash ? slash + 1 : path ? path : "");
}

static void show_choice(const void *field, char *text, size_t size) {
    snprintf(text, size, "%s", (*(const training_choice *const *)field)->name);
}

const training_kind training_count = {"a whole number from 1 to 1000000", read_count, show_count, .setting = true};
const training_kind training_seed = {"a whole number from 0 to 9223372036854775807", read_seed, show_seed,
                                     .setting = true};
const training_kind training_rate = {"a number above 0", read_rate, show_number, .setting = true};
const training_kind training_fraction = {"a number from 0 to below 1", read_fraction, show_number, .setting = true};
const training_kind training_text = {"a text", read_text, show_text, .quoted = true};
const training_kind training_one_of = {"one of ", read_choice, show_choice, .setting = true, .quoted = true};

void training_choices_list(const training_choice *choices, char *text, size_t size) {
    size_t length = 0;
    *text = '\0';
    for (const training_choice *c = choices; c && c->name && length < size; c++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s", c == choices ? "" : ", ", c->name);
    }
}

int training_option_read(const training_option *o, const char *argument, const char *next, void *fields) {
    const char *equals = strchr(argument, '=');
    void *field = (char *)fields + o->offset;
    if (!o->value) {
        if (equals) {
            training_say("%s takes no value, got '%s'", o->name, equals + 1);
            return 0;
        }
        *(bool *)field = true;
        return 1;
    }
    const char *text = equals ? equals + 1 : next;
    if (!text) {
        training_say("%s needs a value: %s", o->name, o->value);
        return 0;
    }
    if (!o->kind->read(o, text, field)) {
        char names[256];
        training_choices_list(o->choices, names, sizeof names);
        training_say("%s: expected %s%s, got '%s'", o->name, o->kind->expected, names, text);
        return 0;
    }
    return equals ? 1 : 2;
}

const training_option *training_option_find(const training_option *table, const char *argument) {
    const size_t length = strcspn(argument, "=");
    for (const training_option *o = table; o && o->name; o++) {
        if (strlen(o->name) == length && strncmp(o->name, argument, length) == 0) return o;
    }
    return NULL;
}

void training_option_help(const training_option *o, const void *defaults) {
    char flag[64], names[256], value[256] = "";
    snprintf(flag, sizeof flag, "%s %s", o->name, o->value ? o->value : "");
    training_choices_list(o->choices, names, sizeof names);
    if (o->value) o->kind->show((const char *)defaults + o->offset, value, sizeof value);
    printf("  %-20s %s%s%s%s%s%s\n", flag, o->help, *names ? ": " : "", names, *value ? " (" : "", value,
           *value ? ")" : "");
}
