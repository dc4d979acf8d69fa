// SPDX-License-Identifier: MIT
// The work that norms are timed on: suites of rows, written down once for vknorm and for its peers.
#ifndef VKNORM_SUITES_H
#define VKNORM_SUITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vknorm/vknorm.h>

#include "json_fields.h"

// Suites, in the order of their table; a selection is a set of bits by these numbers.
enum { SUITE_RESNET50, SUITE_TRANSFORMER, SUITE_UNET, SUITE_STYLE, SUITE_SMALL, SUITE_SCALING, SUITE_COUNT };
// What is run unless suites are named: all that ends in minutes on any device.
enum { SUITES_DEFAULT = (1 << SUITE_SCALING) - 1 };
extern const json_word suite_words[]; // in their order

enum { SUITE_DTYPE_COUNT = VKN_BF16 + 1 }; // those of dtype_words
uint64_t suite_dtype_bytes(vkn_dtype);

enum { SUITE_FORWARD, SUITE_BACKWARD, SUITE_PASS_COUNT }; // the values of pass_words

typedef struct suite_shape {
    uint32_t rank, sizes[VKN_MAX_RANK]; // [N, C, spatial...]; layer and rms: [rows, features]
    uint32_t count;                     // how often a network has it
} suite_shape;

// One time to be taken: of a norm on one shape, or of a network's norms one after another.
typedef struct suite_row {
    uint32_t suite;
    char name[72]; // unique in its suite, with pass and dtype
    vkn_norm norm;
    uint32_t pass;
    bool training; // false: with running statistics
    vkn_dtype dtype;
    vkn_layout layout;
    suite_shape shape; // of x; of a network: of its images
    // NULL, or the shapes of a network's norms, each `count` times. Its backward row runs forward before.
    const suite_shape *layers;
    uint32_t layer_count;
} suite_row;

typedef struct suite_selection {
    uint32_t suites, dtypes, passes; // bits by number
    const char *filter;              // a part of the name; NULL: any
} suite_selection;

typedef struct suite_list {
    suite_row *rows;
    size_t count;
} suite_list;

// False when memory ran out; the list is for the caller to free in any case.
bool suite_list_make(const suite_selection *, suite_list *out);
void suite_list_free(suite_list *);

// A tensor of a shape, without its buffer.
vkn_tensor suite_tensor(const suite_row *, const suite_shape *);
// The norms that a row runs: `*count` shapes, the row's own where it is not a network.
const suite_shape *suite_row_layers(const suite_row *, uint32_t *count);
// How often one time covers a layer: as often as the network has it, else once.
uint32_t suite_layer_times(const suite_row *, const suite_shape *layer);
// How many calls of the library one time covers.
uint32_t suite_row_calls(const suite_row *);
// The fewest bytes of x, y and their gradients that can be moved: what an ideal kernel reads and writes once,
// parameters and statistics not counted.
uint64_t suite_row_floor(const suite_row *);

#endif
