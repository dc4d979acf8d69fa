// SPDX-License-Identifier: MIT
// What fusing saves: each block of work.c both ways, in one run.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

typedef struct options {
    unsigned repeats, rows;
    bool json, check;
} options;

static void help(void) {
    printf("fusion [OPTION...]: times norms with the residual and the activation beside them inside one call, and as\n"
           "calls of their own, on one device (VKNORM_DEVICE chooses it), and prints bytes moved and times.\n\n"
           "  --repeats N  how often each is timed, the two ways in turns; the median counts (20)\n"
           "  --rows N     at most so many of the first size of each tensor (batch, or rows)\n"
           "  --check      fail where the two ways differ by more than 2^-16 of the largest value\n"
           "  --json       print JSON\n"
           "  --help       this text\n");
}

static bool number(const char *name, const char *text, unsigned *out) {
    char *end;
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno == 0 && *end == '\0' && *text >= '0' && *text <= '9' && value >= 1 && value <= 1000000) {
        *out = (unsigned)value;
        return true;
    }
    fprintf(stderr, "fusion: %s: %s is no number from 1 to 1000000\n", name, text);
    return false;
}

// 0: go on; 1: done; 2: bad options
static int parse(int count, char **words, options *out) {
    static const struct option known[] = {
        {"repeats", required_argument, NULL, 'r'}, {"rows", required_argument, NULL, 'n'},
        {"check", no_argument, NULL, 'c'},         {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, words, "", known, NULL)) != -1;) {
        switch (option) {
        case 'r':
            if (!number("--repeats", optarg, &out->repeats)) return 2;
            break;
        case 'n':
            if (!number("--rows", optarg, &out->rows)) return 2;
            break;
        case 'c':
            out->check = true;
            break;
        case 'j':
            out->json = true;
            break;
        case 'h':
            help();
            return 1;
        default:
            return 2;
        }
    }
    if (optind == count) return 0;
    fprintf(stderr, "fusion: %s: no such option (see fusion --help)\n", words[optind]);
    return 2;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double time_once(fusion_work *work, void (*record)(fusion_work *)) {
    nn_begin(work->device);
    record(work);
    const double start = seconds();
    nn_submit(work->device);
    return seconds() - start;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct result {
    double fused, apart, difference; // seconds, medians
} result;

static result measure(fusion_work *work, unsigned repeats) {
    result r = {0};
    double *times = calloc(2 * (size_t)repeats, sizeof *times);
    if (!times) {
        nn_fail(work->device, VKN_OUT_OF_MEMORY, "%u times: out of host memory", repeats);
        return r;
    }
    fusion_prepare(work);
    (void)time_once(work, fusion_record_fused); // pipelines are built
    (void)time_once(work, fusion_record_apart);
    r.difference = fusion_difference(work);
    for (unsigned i = 0; i < repeats; i++) {
        times[i] = time_once(work, fusion_record_fused);
        times[repeats + i] = time_once(work, fusion_record_apart);
    }
    qsort(times, repeats, sizeof *times, compare);
    qsort(times + repeats, repeats, sizeof *times, compare);
    r.fused = times[repeats / 2];
    r.apart = times[repeats + repeats / 2];
    free(times);
    return r;
}

static void print(const options *o, const fusion_work *work, const result *r, bool first) {
    const fusion_block *block = work->block;
    const double bytes = 4.0 * (double)vkn_tensor_count(&work->x);
    const double fused = bytes * block->moved_fused, apart = bytes * block->moved_apart;
    if (o->json) {
        printf("%s\n    {\"name\": \"%s\", \"what\": \"%s\", \"backward\": %s, \"bytes_fused\": %.0f, \"bytes_apart\": "
               "%.0f, \"seconds_fused\": %.6g, \"seconds_apart\": %.6g, \"difference\": %.3g}",
               first ? "" : ",", block->name, block->what, block->backward ? "true" : "false", fused, apart, r->fused,
               r->apart, r->difference);
        return;
    }
    printf("%-12s %-32s %7.1f %7.1f %6.2f %9.2f %9.2f %6.2f\n", block->name, block->what, fused / 1e6, apart / 1e6,
           fused / apart, 1e3 * r->fused, 1e3 * r->apart, r->fused / r->apart);
}

static int run(const options *o, vkn_context *context) {
    int status = EXIT_SUCCESS;
    for (uint32_t i = 0; i < fusion_block_count && status == EXIT_SUCCESS; i++) {
        nn_device *device = NULL;
        if (nn_device_create(context, &device)) {
            fprintf(stderr, "fusion: %s\n", vkn_error_message());
            return EXIT_FAILURE;
        }
        if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[Kblock %u of %u", i + 1, fusion_block_count);
        fusion_work work = fusion_work_make(device, &fusion_blocks[i], o->rows);
        const result r = measure(&work, o->repeats);
        if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
        if (!nn_ok(device)) {
            fprintf(stderr, "fusion: %s: %s\n", fusion_blocks[i].what, nn_message(device));
            status = EXIT_FAILURE;
        } else {
            print(o, &work, &r, i == 0);
        }
        if (status == EXIT_SUCCESS && o->check && !(r.difference < 0x1p-16)) {
            fprintf(stderr, "fusion: %s: the two ways differ by %g of the largest value\n", fusion_blocks[i].what,
                    r.difference);
            status = EXIT_FAILURE;
        }
        nn_device_destroy(device);
    }
    return status;
}

int main(int count, char **words) {
    options o = {.repeats = 20};
    const int parsed = parse(count, words, &o);
    if (parsed) return parsed == 1 ? EXIT_SUCCESS : parsed;
    vkn_context *context = NULL;
    if (vkn_context_create(NULL, &context)) {
        fprintf(stderr, "fusion: %s\n", vkn_error_message());
        return EXIT_FAILURE;
    }
    vkn_device_info device;
    vkn_context_device_info(context, &device);
    if (o.json)
        printf("{\"device\": \"%s\", \"repeats\": %u, \"results\": [", device.name, o.repeats);
    else
        printf(
            "%s, f32, medians of %u; megabytes moved and milliseconds, fused and apart\n\n%-12s %-32s %7s %7s %6s %9s "
            "%9s %6s\n",
            device.name, o.repeats, "", "", "MB", "apart", "ratio", "ms", "apart", "ratio");
    const int status = run(&o, context);
    if (o.json) printf("]}\n");
    vkn_context_destroy(context);
    return status;
}
