// SPDX-License-Identifier: MIT
#include "suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "norm_words.h"

const json_word suite_words[] = {
    [SUITE_RESNET50] = {"resnet50", SUITE_RESNET50},
    [SUITE_TRANSFORMER] = {"transformer", SUITE_TRANSFORMER},
    [SUITE_UNET] = {"unet", SUITE_UNET},
    [SUITE_STYLE] = {"style", SUITE_STYLE},
    [SUITE_SMALL] = {"small", SUITE_SMALL},
    [SUITE_SCALING] = {"scaling", SUITE_SCALING},
    [SUITE_COUNT] = {NULL, 0},
};

enum { TRAIN = 1, EVAL = 2 };

typedef struct suite_line {
    const suite_shape *layers;
    uint32_t suite;
    vkn_kind kind;
    uint32_t groups, modes;
    vkn_layout layout;
    uint32_t layer_count;
    suite_shape shape;
} suite_line;

// The distinct batch norms of ResNet-50: X(channels, side, count) for maps whose last are `s` wide. 53 in all.
#define RESNET50(X, s)                                                                                                 \
    X(64, 16 * (s), 1)                                                                                                 \
    X(64, 8 * (s), 6)                                                                                                  \
    X(256, 8 * (s), 4)                                                                                                 \
    X(128, 8 * (s), 1)                                                                                                 \
    X(128, 4 * (s), 7)                                                                                                 \
    X(512, 4 * (s), 5)                                                                                                 \
    X(256, 4 * (s), 1)                                                                                                 \
    X(256, 2 * (s), 11)                                                                                                \
    X(1024, 2 * (s), 7)                                                                                                \
    X(512, 2 * (s), 1)                                                                                                 \
    X(512, 1 * (s), 5)                                                                                                 \
    X(2048, 1 * (s), 4)

// Images of 32x32. Two of them, because one leaves the last stage a single value per channel, of which there are no
// statistics.
#define SMALL_SHAPE(channels, side, times) {.rank = 4, .sizes = {2, channels, side, side}, .count = (times)},
static const suite_shape small_layers[] = {RESNET50(SMALL_SHAPE, 1)};

// Images of 224x224, 32 of them.
#define RESNET_LINE(channels, side, times)                                                                             \
    {.suite = SUITE_RESNET50,                                                                                          \
     .kind = VKN_BATCH,                                                                                                \
     .modes = TRAIN | EVAL,                                                                                            \
     .shape = {.rank = 4, .sizes = {32, channels, side, side}, .count = (times)}},
#define CHANNELS_LAST_LINE(channels, side)                                                                             \
    {.suite = SUITE_RESNET50,                                                                                          \
     .kind = VKN_BATCH,                                                                                                \
     .modes = TRAIN,                                                                                                   \
     .layout = VKN_CHANNELS_LAST,                                                                                      \
     .shape = {.rank = 4, .sizes = {32, channels, side, side}}},
#define LINE(suite_, kind_, groups_, ...)                                                                              \
    {.suite = (suite_),                                                                                                \
     .kind = (kind_),                                                                                                  \
     .groups = (groups_),                                                                                              \
     .modes = TRAIN,                                                                                                   \
     .shape = {.rank = sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), .sizes = {__VA_ARGS__}}},
#define TRANSFORMER_LINES(features)                                                                                    \
    LINE(SUITE_TRANSFORMER, VKN_LAYER, 0, 4096, features)                                                              \
    LINE(SUITE_TRANSFORMER, VKN_RMS, 0, 4096, features)
// About `n` times 10^5 elements.
#define SCALING_LINES(n)                                                                                               \
    LINE(SUITE_SCALING, VKN_BATCH, 0, n, 64, 40, 40)                                                                   \
    LINE(SUITE_SCALING, VKN_GROUP, 32, n, 64, 40, 40)                                                                  \
    LINE(SUITE_SCALING, VKN_LAYER, 0, 100 * (n), 1024)

static const suite_line lines[] = {
    // clang-format off
    RESNET50(RESNET_LINE, 7)
    CHANNELS_LAST_LINE(64, 112)
    CHANNELS_LAST_LINE(256, 56)
    CHANNELS_LAST_LINE(256, 14)
    CHANNELS_LAST_LINE(2048, 7)
    TRANSFORMER_LINES(768)
    TRANSFORMER_LINES(1024)
    TRANSFORMER_LINES(4096)
    TRANSFORMER_LINES(8192)
    LINE(SUITE_UNET, VKN_GROUP, 32, 4, 320, 64, 64)
    LINE(SUITE_UNET, VKN_GROUP, 32, 4, 640, 32, 32)
    LINE(SUITE_UNET, VKN_GROUP, 32, 4, 1280, 16, 16)
    LINE(SUITE_UNET, VKN_GROUP, 32, 1, 128, 256, 256)
    LINE(SUITE_STYLE, VKN_INSTANCE, 0, 1, 64, 256, 256)
    LINE(SUITE_STYLE, VKN_INSTANCE, 0, 4, 64, 256, 256)
    LINE(SUITE_STYLE, VKN_INSTANCE, 0, 1, 128, 256, 256)
    LINE(SUITE_STYLE, VKN_INSTANCE, 0, 4, 128, 256, 256)
    {.suite = SUITE_SMALL, .kind = VKN_BATCH, .modes = TRAIN, .shape = {.rank = 4, .sizes = {2, 3, 32, 32}},
     .layers = small_layers, .layer_count = sizeof small_layers / sizeof *small_layers},
    SCALING_LINES(1)
    SCALING_LINES(10)
    SCALING_LINES(100)
    SCALING_LINES(1000)
    SCALING_LINES(10000)
    // One group of 10^8, and 10^7 groups of 10.
    LINE(SUITE_SCALING, VKN_BATCH, 0, 1, 1, 10000, 10000)
    LINE(SUITE_SCALING, VKN_GROUP, 1, 1, 100, 1000, 1000)
    LINE(SUITE_SCALING, VKN_BATCH, 0, 10, 10000000)
    LINE(SUITE_SCALING, VKN_INSTANCE, 0, 100000, 100, 10)
    LINE(SUITE_SCALING, VKN_GROUP, 10, 1000000, 100)
    LINE(SUITE_SCALING, VKN_LAYER, 0, 10000000, 10)
    // clang-format on
};
enum { LINE_COUNT = sizeof lines / sizeof *lines, MODE_COUNT = 2 };

uint64_t suite_dtype_bytes(vkn_dtype dtype) {
    return dtype == VKN_F32 ? 4 : 2;
}

static void make_name(suite_row *row, const suite_line *line) {
    char groups[16] = "";
    char sizes[48] = "";
    if (line->groups > 0) {
        snprintf(groups, sizeof groups, "%" PRIu32, line->groups);
    }
    size_t used = 0;
    for (uint32_t i = 0; i < line->shape.rank; i++) {
        used +=
            (size_t)snprintf(sizes + used, sizeof sizes - used, "%s%" PRIu32, i > 0 ? "x" : "", line->shape.sizes[i]);
    }
    snprintf(row->name, sizeof row->name, "%s%s%s %s%s%s", line->layers ? "resnet50 " : "",
             norm_words[line->kind - 1].text, groups, sizes, row->training ? "" : " eval",
             row->layout == VKN_CHANNELS_LAST ? " channels_last" : "");
}

static suite_row make_row(const suite_line *line, bool training, uint32_t pass, vkn_dtype dtype) {
    suite_row row = {.suite = line->suite,
                     .norm = vkn_norm_defaults(line->kind),
                     .pass = pass,
                     .training = training,
                     .dtype = dtype,
                     .layout = line->layout,
                     .shape = line->shape,
                     .layers = line->layers,
                     .layer_count = line->layer_count};
    row.norm.groups = line->groups > 0 ? line->groups : 1;
    make_name(&row, line);
    return row;
}

// Both modes and passes of a line, as far as they are selected.
static void append_line(const suite_selection *selection, const suite_line *line, vkn_dtype dtype, suite_list *out) {
    for (uint32_t i = 0; i < MODE_COUNT * SUITE_PASS_COUNT; i++) {
        const uint32_t pass = i % SUITE_PASS_COUNT;
        const uint32_t mode = i / SUITE_PASS_COUNT ? EVAL : TRAIN;
        if ((line->modes & mode) && (selection->passes >> pass & 1)) {
            const suite_row row = make_row(line, mode == TRAIN, pass, dtype);
            if (!selection->filter || strstr(row.name, selection->filter)) {
                out->rows[out->count++] = row;
            }
        }
    }
}

bool suite_list_make(const suite_selection *selection, suite_list *out) {
    *out = (suite_list){0};
    out->rows = calloc((size_t)SUITE_DTYPE_COUNT * LINE_COUNT * MODE_COUNT * SUITE_PASS_COUNT, sizeof *out->rows);
    if (!out->rows) {
        return false;
    }
    for (uint32_t i = 0; i < SUITE_COUNT * SUITE_DTYPE_COUNT; i++) {
        const uint32_t suite = i / SUITE_DTYPE_COUNT;
        const uint32_t dtype = i % SUITE_DTYPE_COUNT;
        for (uint32_t l = 0; l < LINE_COUNT && (selection->suites >> suite & 1) && (selection->dtypes >> dtype & 1);
             l++) {
            if (lines[l].suite == suite) {
                append_line(selection, &lines[l], (vkn_dtype)dtype, out);
            }
        }
    }
    return true;
}

void suite_list_free(suite_list *self) {
    free(self->rows);
    *self = (suite_list){0};
}

vkn_tensor suite_tensor(const suite_row *row, const suite_shape *shape) {
    return vkn_tensor_make(VK_NULL_HANDLE, 0, row->dtype, row->layout, shape->rank, shape->sizes);
}

const suite_shape *suite_row_layers(const suite_row *row, uint32_t *count) {
    *count = row->layers ? row->layer_count : 1;
    return row->layers ? row->layers : &row->shape;
}

uint32_t suite_layer_times(const suite_row *row, const suite_shape *layer) {
    return row->layers ? layer->count : 1;
}

uint32_t suite_row_calls(const suite_row *row) {
    uint32_t count;
    const suite_shape *layers = suite_row_layers(row, &count);
    uint32_t calls = 0;
    for (uint32_t i = 0; i < count; i++) {
        calls += suite_layer_times(row, &layers[i]);
    }
    return row->layers && row->pass == SUITE_BACKWARD ? 2 * calls : calls;
}

// Elements moved per element of x. What is used twice is read once where a workgroup can hold the statistic group, and
// rows of layer and rms are always taken for such.
static uint64_t factor(const suite_row *row, const vkn_tensor *x, uint32_t pass) {
    enum { ON_CHIP = 16384 };
    const bool row_norm = row->norm.kind == VKN_LAYER || row->norm.kind == VKN_RMS;
    const uint64_t groups = vkn_norm_groups(&row->norm, x);
    const bool once = !row->training || row_norm || vkn_tensor_count(x) / groups <= ON_CHIP;
    static const uint64_t elements[SUITE_PASS_COUNT][2] = {[SUITE_FORWARD] = {3, 2}, [SUITE_BACKWARD] = {5, 3}};
    return elements[pass][once];
}

uint64_t suite_row_floor(const suite_row *row) {
    uint32_t count;
    const suite_shape *layers = suite_row_layers(row, &count);
    uint64_t elements = 0;
    for (uint32_t i = 0; i < count; i++) {
        const vkn_tensor x = suite_tensor(row, &layers[i]);
        uint64_t moved = factor(row, &x, row->pass);
        if (row->layers && row->pass == SUITE_BACKWARD) {
            moved += factor(row, &x, SUITE_FORWARD);
        }
        elements += suite_layer_times(row, &layers[i]) * moved * vkn_tensor_count(&x);
    }
    return elements * suite_dtype_bytes(row->dtype);
}
