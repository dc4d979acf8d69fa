// SPDX-License-Identifier: MIT
#include "options.h"

#include <stdio.h>
#include <string.h>

#include <vknorm/vknorm.h>

#include "say.h"

#define FIELD(name) offsetof(training_options, name)
enum { COMMON_COUNT = 15 };

static bool has_option(const training_command *command, const char *name) {
    for (const char *const *without = command->without; without && *without; without++) {
        if (strcmp(*without, name) == 0) return false;
    }
    return true;
}

// The rows of all programs but those that this one goes without: two of them have what the program says.
static void common_options(const training_command *command, training_option out[COMMON_COUNT]) {
    const training_option rows[] = {
        {"--norm", "NORM", "normalization", FIELD(norm), &training_one_of, command->norms},
        {"--seed", "N", "of the split, the initial weights and the order of records", FIELD(seed), &training_seed,
         NULL},
        {"--epochs", "N", "passes over the training split", FIELD(epochs), &training_count, NULL},
        {"--batch-size", "N", "records of a step; a last batch that is short is left out of its epoch",
         FIELD(batch_size), &training_count, NULL},
        {"--lr", "RATE", "the optimizer's learning rate", FIELD(lr), &training_rate, NULL},
        {"--device", "DEVICE", "index or part of the name; as $VKNORM_DEVICE, else the best there is", FIELD(device),
         &training_text, NULL},
        {"--csv", "FILE", "writes the curves: epoch, losses, accuracy", FIELD(csv), &training_text, NULL},
        {"--steps-csv", "FILE", "writes the loss of each step", FIELD(steps_csv), &training_text, NULL},
        {"--save-init", "FILE", "writes the initial weights, named as in PyTorch's state_dict (.safetensors)",
         FIELD(save_init), &training_text, NULL},
        {"--save", "FILE", "the same with what training made of them", FIELD(save), &training_text, NULL},
        {"--save-batches", "FILE", "writes the data, and for each epoch the order that its batches took (.safetensors)",
         FIELD(save_batches), &training_text, NULL},
        {"--json", NULL, "prints the result as JSON instead of the table", FIELD(json), NULL, NULL},
        {"--help", NULL, "prints this", FIELD(help), NULL, NULL},
        {"--data", "FILE", command->data, FIELD(data), &training_text, NULL},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    _Static_assert(ROWS + 1 == COMMON_COUNT, "a row for each, and one that ends the table");
    for (int i = 0; i < ROWS; i++) {
        if (has_option(command, rows[i].name)) *out++ = rows[i];
    }
    *out = (training_option){0};
}

bool training_options_parse(const training_command *command, training_options *out, int argc, char **argv) {
    training_option common[COMMON_COUNT];
    common_options(command, common);
    memcpy(out, command->defaults, command->bytes);
    for (int i = 1; i < argc;) {
        const training_option *o = training_option_find(common, argv[i]);
        if (!o) o = training_option_find(command->options, argv[i]);
        if (!o) training_say("unknown option '%s'", argv[i]);
        const int read = o ? training_option_read(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, out) : 0;
        if (read == 0) {
            training_say("--help lists the options");
            return false;
        }
        i += read;
    }
    if (!out->help && out->norm && out->norm->value == VKN_BATCH && out->batch_size < 2) {
        training_say("--batch-size: --norm batch needs at least 2 records in a batch, got '%u'", out->batch_size);
        return false;
    }
    return true;
}

void training_options_usage(const training_command *command, const char *program) {
    training_option common[COMMON_COUNT];
    common_options(command, common);
    printf("usage: %s [options]\n%s\n", program, command->about);
    const training_option *tables[] = {command->options, common};
    for (int t = 0; t < 2; t++) {
        for (const training_option *o = tables[t]; o && o->name; o++)
            training_option_help(o, command->defaults);
    }
    printf("\nExit status: 0 done, 1 failed, 2 a mistake in the command line.\n");
}

int training_options_begin(const training_command *command, training_options *out, int argc, char **argv) {
    training_name(command->name);
    if (!training_options_parse(command, out, argc, argv)) return 2;
    if (!out->help) return -1;
    training_options_usage(command, argv[0]);
    return 0;
}

static void visit_settings(const training_option *table, const training_options *options, training_setting_visit visit,
                           void *user) {
    for (const training_option *o = table; o && o->name; o++) {
        if (!o->value || !o->kind->setting) continue;
        char name[64], value[256];
        snprintf(name, sizeof name, "%s", o->name + strlen("--"));
        for (char *c = name; *c; c++) {
            if (*c == '-') *c = '_';
        }
        o->kind->show((const char *)options + o->offset, value, sizeof value);
        visit(user, name, value, o->kind->quoted);
    }
}

void training_options_settings(const training_command *command, const training_options *options,
                               training_setting_visit visit, void *user) {
    training_option common[COMMON_COUNT];
    common_options(command, common);
    visit_settings(common, options, visit, user);
    training_options_own_settings(command, options, visit, user);
}

void training_options_own_settings(const training_command *command, const training_options *options,
                                   training_setting_visit visit, void *user) {
    visit_settings(command->options, options, visit, user);
}
