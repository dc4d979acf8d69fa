// SPDX-License-Identifier: MIT
// What forward and backward plans are made of: views, slices, boxes, teams, and the passes that both have.
#ifndef VKN_PLAN_PARTS_H
#define VKN_PLAN_PARTS_H
#include "plan.h"

// Scratch memory for records is kept below this many, at most 16 bytes each, however much a binding could see.
enum { VKN_MOST_RECORDS = 1 << 22 };

// A team adds at most so many rows to its sums of each element.
enum { VKN_MOST_ROWS = 128 };

static inline uint64_t vkn_least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static inline uint64_t vkn_most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static inline uint64_t vkn_ceil_div(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

// Records that there is room for: at most 16 bytes each, four elements of a binding.
static inline uint64_t vkn_record_room(const vkn_limits *limits) {
    return vkn_least(limits->binding_elements / 4, VKN_MOST_RECORDS);
}

// A stretch of memory as three axes. rows: outer, unit, run. columns: plane, position, column.
typedef struct vkn_view {
    bool columns;
    uint64_t first;        // element
    uint64_t first_column; // rows as columns: of the row
    uint64_t count[3];
    uint64_t stride[2]; // of the first two axes; the third has 1
    uint64_t rows[2];   // rows as columns: from one row to the next, along the same axes
} vkn_view;

// A part of the units: for batch some channels, else whole samples, or some channels of one sample.
typedef struct vkn_slice {
    uint64_t first_unit, units;
    uint64_t first_channel, channels;
    uint64_t samples; // that the slice has of each of its channels
} vkn_slice;

// How a unit is split among teams.
typedef struct vkn_split {
    uint32_t lanes, block;
    bool on_chip;                  // rows: a team's registers hold one
    uint64_t unit_step;            // rows: units of a team, one after another; 0 is 1
    uint32_t rows;                 // of them, those that share each load of a weight; 0 is 1
    uint32_t added;                // rows: teams whose sums of each element are one part; 0 is 1
    uint64_t outer_step, run_step; // rows
    uint64_t parts;                // columns: of all positions together
    uint32_t words;                // columns: of a lane
    uint32_t workgroup;            // invocations at least
    bool interleaved;              // the lanes of a workgroup's teams take turns: neighbours are of different teams
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

// `by_sample`: columns have a plane for each sample, for batch norm too.
vkn_view vkn_view_of(const vkn_geometry *, const vkn_slice *, bool by_sample);
vkn_view vkn_view_rows_as_columns(const vkn_geometry *, const vkn_slice *, uint64_t first_column, uint64_t columns,
                                  bool by_sample);
vkn_split vkn_split_reduce(const vkn_view *, const vkn_limits *);
vkn_split vkn_split_apply(const vkn_view *, const vkn_limits *);
uint64_t vkn_positions_each(const vkn_split *, uint64_t positions,
                            uint64_t parts); // of a part, whole blocks of all lanes
// Whether each column is a statistic group, and one team is enough for all of its positions; and how it takes them.
vkn_split vkn_split_whole_columns(const vkn_view *, const vkn_limits *);
bool vkn_columns_pay(const vkn_plan *, const vkn_view *);
// Rows of which a team takes a whole one: `outers` stretches of `elements`, over `span` elements of memory.
typedef struct vkn_row {
    uint64_t rows, elements, outers, span;
    bool halves;   // of 16 bits
    bool gradient; // of dx, which needs more registers
    bool weighted; // each element has its own weight, which needs more, too
    bool shared;   // the rows share weights, one for each element
    bool active;   // an activation follows
} vkn_row;
vkn_split vkn_split_row(const vkn_row *, const vkn_limits *);
vkn_split vkn_split_merge(uint64_t records, const vkn_limits *); // a team that merges so many records
// The rows of a slice, or of all units of the plan's geometry.
vkn_row vkn_row_of(const vkn_plan *, uint64_t units, bool gradient);
// Whether one team a row is enough for rows of this size and number.
bool vkn_row_pays(const vkn_row *, const vkn_limits *);
// Slices of at most `most` units (a multiple of fan). Fails where not one statistic group fits.
vkn_result vkn_slice_next(const vkn_geometry *, uint64_t most, vkn_slice *); // zero: the first; units 0: no more
uint64_t vkn_slice_most(const vkn_plan *, bool records);

// Takes a request; nothing is planned yet.
void vkn_plan_begin(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
// A new pass at the end of the plan, with bindings absent; NULL (and plan->result) where memory is out.
vkn_pass *vkn_plan_add(vkn_plan *, vkn_shader, const vkn_split *);
bool vkn_plan_has(const vkn_plan *, vkn_operand);
void vkn_plan_scratch(vkn_plan *, vkn_operand, uint64_t bytes); // at least so many
// A record of moments, and one of sums.
enum { VKN_MOMENTS_BYTES = 16, VKN_SUMS_BYTES = 8 };
void vkn_plan_records(vkn_plan *, uint64_t records, uint32_t bytes); // scratch for so many, or UNSUPPORTED
void vkn_pass_bind(vkn_pass *, uint32_t binding, vkn_operand, uint64_t first_element, uint64_t elements,
                   uint32_t element_bytes);
// Binds what is as x, where the call has it: the elements of a box.
void vkn_pass_bind_box(const vkn_plan *, vkn_pass *, uint32_t binding, vkn_operand, const vkn_boxes *, const vkn_box *);
// Sets the grid of a pass with `teams` teams of the split's lanes (columns: of one).
void vkn_pass_grid(vkn_plan *, vkn_pass *, uint64_t teams, uint32_t lanes);
uint64_t vkn_box_span(const vkn_view *, const vkn_box *);
// What weights of a box are bound, and how a unit finds its own (structs.h).
typedef struct vkn_affine {
    uint64_t first, count; // elements of weight
    uint64_t share, first_row, period, outer, stride, plane;
} vkn_affine;
vkn_affine vkn_affine_of(const vkn_plan *, const vkn_slice *, const vkn_boxes *, const vkn_box *);
// VKN_BACKWARDS for a pass that reads again what the statistics were made of, where that is worth it.
static inline uint32_t vkn_second_pass(const vkn_plan *plan) {
    return plan->limits->gpu && !plan->request.from_running ? VKN_BACKWARDS : 0;
}
// Binds weight and bias (at 2 and 3) and sets grid and push constants of a box, whose records are the slice's.
void vkn_pass_box(vkn_plan *, vkn_pass *, const vkn_slice *, const vkn_boxes *, const vkn_box *, uint32_t flags);

// Where the statistics of a slice are, and the VKN_STAT_* flags that tell a shader how to find a group's.
typedef struct vkn_statistics_operand {
    vkn_operand operand;
    uint32_t flags;
} vkn_statistics_operand;
// stats -> merge_stats, into the call's own tensor where it gives one, else into scratch memory. `moments`: into the
// call's moments instead.
vkn_statistics_operand vkn_plan_statistics(vkn_plan *, const vkn_slice *, bool moments);
// A binding of four floats a group: statistics, or sums.
void vkn_pass_bind_groups(const vkn_plan *, vkn_pass *, uint32_t binding, vkn_operand, const vkn_slice *,
                          const vkn_boxes *, const vkn_box *, uint32_t flags);

// ---- Backward
static inline bool vkn_plan_wants_affine(const vkn_plan *plan) {
    return vkn_plan_has(plan, VKN_DWEIGHT) || vkn_plan_has(plan, VKN_DBIAS);
}
// Batch norm with weights per sample: the sums of a channel are of each sample's elements, and then of the samples.
static inline bool vkn_plan_splits_batch(const vkn_plan *plan) {
    return plan->request.per_sample && plan->geometry->kind == VKN_BATCH;
}
// Records of the sums of the view's units, and dx (VKN_DX_*); gives the number of parts.
uint64_t vkn_plan_sum_records(vkn_plan *, const vkn_slice *, const vkn_view *, const vkn_statistics_operand *,
                              uint32_t dx);
// dweight and dbias of the units of a slice, or of the columns of a view, from the records.
void vkn_plan_affine_gradients(vkn_plan *, const vkn_slice *, const vkn_view *, uint64_t parts, bool accumulate);
void vkn_plan_zero_affine_gradients(vkn_plan *);
// The sums of the statistic groups of a slice, from the records.
void vkn_plan_group_sums(vkn_plan *, const vkn_slice *, const vkn_view *, uint64_t parts);
// Sets the constants of a pass that reads dy, and binds dy, what act' needs, and dresidual (at binding `dresidual`).
void vkn_pass_gradient(const vkn_plan *, vkn_pass *, const vkn_boxes *, const vkn_box *, uint32_t dresidual);
// Binds dh (at 5) to a pass that gives dx, where the call has it.
void vkn_pass_bind_dh(const vkn_plan *, vkn_pass *, const vkn_boxes *, const vkn_box *);
// A pass over all of a slice has written dresidual: from now on it is what is read.
void vkn_plan_gradient_done(vkn_plan *);

#endif
