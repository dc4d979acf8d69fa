// SPDX-License-Identifier: MIT
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Each reads `text` into `field`, and returns what it expected where that is something else.
static const char *read_count(const char *text, void *field) {
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    const bool valid = *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value >= 1 && value <= 1000000;
    if (valid) *(uint32_t *)field = (uint32_t)value;
    return valid ? NULL : "a whole number from 1 to 1000000";
}

static const char *read_seed(const char *text, void *field) {
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    const bool valid = *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value <= INT64_MAX;
    if (valid) *(uint64_t *)field = value;
    return valid ? NULL : "a whole number from 0 to 9223372036854775807";
}

static const char *read_rate(const char *text, void *field) {
    char *end;
    const double value = strtod(text, &end);
    const bool valid = end != text && *end == '\0' && isfinite(value) && value > 0;
    if (valid) *(double *)field = value;
    return valid ? NULL : "a number above 0";
}

static const char *read_text(const char *text, void *field) {
    *(const char **)field = text;
    return *text ? NULL : "a text";
}

static const char *read_norm(const char *text, void *field) {
    const mlp_norm *norm = mlp_norm_find(text);
    if (norm) *(const mlp_norm **)field = norm;
    return norm ? NULL : "one of " MLP_NORM_NAMES;
}

typedef struct option {
    const char *name, *value, *help; // value: NULL for a switch, whose field is a bool
    size_t offset;
    const char *(*read)(const char *text, void *field);
} option;

#define FIELD(name) offsetof(mlp_options, name)
static const option options[] = {
    {"--norm", "NORM", MLP_NORM_NAMES " (batch)", FIELD(norm), read_norm},
    {"--epochs", "N", "passes over the training split (60)", FIELD(epochs), read_count},
    {"--batch-size", "N", "records of a step; a last batch that is short is left out of its epoch (64)",
     FIELD(batch_size), read_count},
    {"--lr", "RATE", "Adam's learning rate (0.0005)", FIELD(lr), read_rate},
    {"--seed", "N", "of the split, the initial weights and the order of records (0)", FIELD(seed), read_seed},
    {"--device", "DEVICE", "index or part of the name (as $VKNORM_DEVICE; else the best there is)", FIELD(device),
     read_text},
    {"--data", "FILE", "records: a header line, then features and a last column of 0 or 1 (wdbc.csv)", FIELD(data),
     read_text},
    {"--csv", "FILE", "writes the curves: epoch, losses, accuracy", FIELD(csv), read_text},
    {"--json", NULL, "prints the result as JSON instead of the table", FIELD(json), NULL},
    {"--help", NULL, "prints this", FIELD(help), NULL},
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

void mlp_options_usage(const char *program) {
    printf("usage: %s [options]\n"
           "Trains Linear(30, 64) - norm - ReLU - Linear(64, 32) - norm - ReLU - Linear(32, 1) on a Vulkan device to\n"
           "tell malignant tumours from benign ones, and prints the accuracy on records it has not seen.\n\n",
           program);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const option *o = &options[i];
        char flag[32];
        snprintf(flag, sizeof flag, "%s %s", o->name, o->value ? o->value : "");
        printf("  %-18s %s\n", flag, o->help);
    }
    printf("\nExit status: 0 done, 1 failed, 2 a mistake in the command line.\n");
}

// --name value, --name=value, or a switch. Returns how many arguments were read, 0 after a mistake.
static int parse_one(mlp_options *out, int argc, char **argv) {
    const char *argument = argv[0], *equals = strchr(argument, '=');
    const size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const option *o = &options[i];
        if (strlen(o->name) != length || strncmp(o->name, argument, length) != 0) continue;
        void *field = (char *)out + o->offset;
        if (!o->value) {
            if (equals) {
                fprintf(stderr, "mlp: %s takes no value, got '%s'\n", o->name, equals + 1);
                return 0;
            }
            *(bool *)field = true;
            return 1;
        }
        const char *text = equals ? equals + 1 : argc > 1 ? argv[1] : NULL;
        if (!text) {
            fprintf(stderr, "mlp: %s needs a value: %s\n", o->name, o->value);
            return 0;
        }
        const char *expected = o->read(text, field);
        if (expected) {
            fprintf(stderr, "mlp: %s: expected %s, got '%s'\n", o->name, expected, text);
            return 0;
        }
        return equals ? 1 : 2;
    }
    fprintf(stderr, "mlp: unknown option '%s'\n", argument);
    return 0;
}

bool mlp_options_parse(mlp_options *out, int argc, char **argv) {
    *out = (mlp_options){
        .norm = mlp_norm_find("batch"), .epochs = 60, .batch_size = 64, .lr = 5e-4, .data = MLP_DATA_FILE};
    for (int i = 1; i < argc;) {
        const int read = parse_one(out, argc - i, argv + i);
        if (read == 0) {
            fprintf(stderr, "mlp: --help lists the options\n");
            return false;
        }
        i += read;
    }
    if (!out->help && out->norm->kind == VKN_BATCH && out->batch_size < 2) {
        fprintf(stderr, "mlp: --batch-size: --norm batch needs at least 2 records in a batch, got '%u'\n",
                out->batch_size);
        return false;
    }
    return true;
}
