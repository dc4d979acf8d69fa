// SPDX-License-Identifier: MIT
// What forward and backward plans are made of: views, slices, boxes, teams, and the passes that both have.
#ifndef VKN_PLAN_PARTS_H
#define VKN_PLAN_PARTS_H
#include "plan.h"

// Scratch memory for records is kept below this many, 16 bytes each, however much a binding could see.
enum { VKN_MOST_RECORDS = 1 << 22 };

static inline uint64_t vkn_least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static inline uint64_t vkn_most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static inline uint64_t vkn_ceil_div(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

// A stretch of memory as three axes. rows: outer, unit, run. columns: plane, position, column.
typedef struct vkn_view {
    bool columns;
    uint64_t first; // element
    uint64_t count[3];
    uint64_t stride[2]; // of the first two axes; the third has 1
} vkn_view;

// A part of the units: for batch some channels, else whole samples, or some channels of one sample.
typedef struct vkn_slice {
    uint64_t first_unit, units;
    uint64_t first_channel, channels;
    uint64_t samples; // that the slice has of each of its channels
} vkn_slice;

// How a unit is split among teams (rows) or invocations (columns).
typedef struct vkn_split {
    uint32_t lanes, block;
    uint64_t outer_step, run_step; // rows
    uint64_t parts;                // columns: of all positions together
} vkn_split;

// A part of a view that one descriptor can see. `part`: number of its first part, among those of the view.
typedef struct vkn_box {
    uint64_t first; // element
    uint64_t at[3], count[3];
    uint64_t part, parts;
} vkn_box;

typedef struct vkn_boxes {
    vkn_view view;
    vkn_split split;
    uint64_t step[3], number[3];
    uint64_t next, part;
} vkn_boxes;

vkn_boxes vkn_boxes_of(const vkn_view *, const vkn_split *, const vkn_limits *);
bool vkn_boxes_next(vkn_boxes *, vkn_box *); // false: there are no more
uint64_t vkn_boxes_parts(vkn_boxes);         // parts of each unit, over all boxes

vkn_view vkn_view_of(const vkn_geometry *, const vkn_slice *);
vkn_view vkn_view_rows_as_columns(const vkn_geometry *, const vkn_slice *, uint64_t first_column, uint64_t columns);
vkn_split vkn_split_reduce(const vkn_view *, const vkn_limits *);
vkn_split vkn_split_apply(const vkn_view *, const vkn_limits *);
// Lanes and block of a team for rows of `elements`; *fits: the row fits in its registers.
vkn_split vkn_split_row(uint64_t elements, const vkn_limits *, bool *fits);
vkn_split vkn_split_merge(uint64_t records, const vkn_limits *); // a team that merges so many records
// Whether one team a row is enough for rows of this size and number.
bool vkn_row_pays(uint64_t rows, uint64_t elements, const vkn_limits *);
// Slices of at most `most` units (a multiple of fan). Fails where not one statistic group fits.
vkn_result vkn_slice_next(const vkn_geometry *, uint64_t most, vkn_slice *); // zero: the first; units 0: no more
uint64_t vkn_slice_most(const vkn_plan *, bool records);

// A new pass at the end of the plan, with bindings absent; NULL (and plan->result) where memory is out.
vkn_pass *vkn_plan_add(vkn_plan *, vkn_shader, const vkn_split *, bool vector);
bool vkn_plan_has(const vkn_plan *, vkn_operand);
void vkn_plan_scratch(vkn_plan *, vkn_operand, uint64_t bytes); // at least so many
void vkn_plan_records(vkn_plan *, uint64_t records);            // scratch for so many, or UNSUPPORTED
void vkn_pass_bind(vkn_pass *, uint32_t binding, vkn_operand, uint64_t first_element, uint64_t elements,
                   uint32_t element_bytes);
// Sets the grid of a pass with `teams` teams of the split's lanes (columns: of one).
void vkn_pass_grid(vkn_plan *, vkn_pass *, uint64_t teams, uint32_t lanes);
uint64_t vkn_box_span(const vkn_view *, const vkn_box *);

// Push constants of a box; the record numbers are those of `slice` and `total_parts`.
void vkn_pass_rows(vkn_plan *, vkn_pass *, const vkn_slice *, const vkn_boxes *, const vkn_box *);
void vkn_pass_columns(vkn_plan *, vkn_pass *, const vkn_slice *, const vkn_boxes *, const vkn_box *);

// Statistics of the slice from x: stats -> merge, into `mean` and `rstd` (those given, else scratch) and scratch low.
typedef struct vkn_statistics_operands {
    vkn_operand mean, rstd; // where the statistics are
    uint32_t flags;         // VKN_STAT_*
} vkn_statistics_operands;
vkn_statistics_operands vkn_plan_statistics(vkn_plan *, const vkn_slice *);
// Binds mean, rstd and low from `binding` on.
void vkn_pass_bind_statistics(const vkn_plan *, vkn_pass *, uint32_t binding, const vkn_slice *, const vkn_boxes *,
                              const vkn_box *, const vkn_statistics_operands *);
vkn_statistics_operands vkn_running_operands(void);

#endif
