// SPDX-License-Identifier: MIT
// The `vknorm` command: finds the subcommand and prints help.
#include "command.h"

#include <stdio.h>
#include <string.h>

static const command *const commands[] = {&command_devices, &command_run,    &command_bench,
                                          &command_compare, &command_report, &command_kernels};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_overview(FILE *stream) {
    fputs("usage: vknorm COMMAND [ARGUMENTS]\n\nNormalization layers on any Vulkan device.\n\n", stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs("\n  vknorm COMMAND --help   more about a command\n"
          "  vknorm --version        the version\n"
          "\nExit code: 0 done, 1 failed, 2 wrong usage.\n"
          "Environment: VKNORM_DEVICE (the device, by index or part of its name),\n"
          "VKNORM_CACHE (a file that keeps pipelines, so that they need not be compiled at each start),\n"
          "VKNORM_DISABLE (features to do without, separated by commas; `vknorm devices` lists them).\n",
          stream);
}

static bool is_one_of(const char *text, const char *a, const char *b) {
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static bool asks_for_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_one_of(argv[i], "--help", "-h")) {
            return true;
        }
    }
    return false;
}

static int run_command(const command *self, int argc, char **argv) {
    if (asks_for_help(argc, argv)) {
        printf("usage: vknorm %s %s\n\n%s\n\n%s", self->name, self->synopsis, self->summary, self->details);
        return command_finish();
    }
    return self->run(self, argc, argv);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_overview(stderr);
        return COMMAND_USAGE;
    }
    if (is_one_of(argv[1], "--help", "-h")) {
        print_overview(stdout);
        return command_finish();
    }
    if (is_one_of(argv[1], "--version", "-V")) {
        puts("vknorm " VKNORM_VERSION);
        return command_finish();
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            return run_command(commands[i], argc - 2, argv + 2);
        }
    }
    fprintf(stderr, "vknorm: unknown command %s\n\n", argv[1]);
    print_overview(stderr);
    return COMMAND_USAGE;
}
