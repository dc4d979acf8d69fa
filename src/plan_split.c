// SPDX-License-Identifier: MIT
// How many lanes share a row, how much each holds, and into how many parts a reduction is split. docs/performance.md
// has the measurements behind the numbers.
#include "plan_parts.h"

// A lane adds at most this many blocks one after another before partial results are merged as a tree.
enum { LONGEST_CHAIN = 512 };
// The same for records that are merged. A GPU's team grows beyond LEAST_GPU_MERGE lanes only for longer chains.
enum { LONGEST_MERGE = 4096, LONGEST_GPU_MERGE = 64, LEAST_GPU_MERGE = 32 };

static uint64_t power_of_two(uint64_t at_least) {
    uint64_t power = 1;
    while (power < at_least)
        power *= 2;
    return power;
}

// ---- Lanes and parts -----------------------------------------------------------------------------------------------
// As many lanes as leave each a few words; more than a subgroup only where a subgroup's registers are too few.
static uint32_t lanes_for(uint64_t words, const vkn_limits *limits) {
    if (limits->team > 0) return limits->team;
    uint64_t lanes = power_of_two(vkn_ceil_div(words, 4));
    if (words <= (uint64_t)limits->subgroup * 8) lanes = vkn_least(lanes, limits->subgroup);
    return (uint32_t)vkn_least(lanes, limits->lanes);
}

// A team that goes over several stretches one after another wants no more lanes than one of them has words.
static uint32_t lanes_over(uint64_t outers, uint64_t words, const vkn_limits *limits) {
    uint32_t lanes = lanes_for(words, limits);
    while (outers > 1 && lanes > 1 && lanes > words)
        lanes /= 2;
    return lanes > 1 ? lanes : 1;
}

// Of a CPU's team that goes over several runs of `words` words: as many as leave no masks, if that is half of them.
static uint32_t lanes_without_masks(uint64_t words, uint32_t lanes) {
    uint32_t fewer = lanes;
    while (fewer > 1 && words % fewer != 0)
        fewer /= 2;
    if (fewer * 2 < lanes) fewer = lanes;
    return fewer > 1 ? fewer : 1;
}

// At most `most` of `outers`; on a CPU, whose threads are given as many parts each, the same number in each part,
// unless that would be less than half of it.
static uint64_t even_step(uint64_t outers, uint64_t most, const vkn_limits *limits) {
    for (uint64_t step = most; limits->cpu && step * 2 > most; --step) {
        if (outers % step == 0) return step;
    }
    return most;
}

// The block of at most `most` words that goes evenly into a lane's share of `words`: there are no masks then. `most`
// where that would be less than half of it, which costs more than the masks.
static uint32_t block_for_share(uint64_t words, uint32_t lanes, uint32_t most) {
    for (uint32_t block = most; words % lanes == 0 && block * 2 > most; --block) {
        if (words / lanes % block == 0) return block;
    }
    return most;
}

// Most words that a lane holds. What is not read in words costs many registers of addresses and masks, halves above
// all.
static uint32_t block_for(const vkn_row *row, const vkn_limits *limits) {
    uint32_t block = row->gradient ? limits->grad_block : limits->block;
    if (row->weighted) block /= limits->element_blocks;
    if (limits->vector && row->elements % 4 == 0) return block;
    uint32_t few = block < 8 ? block : 8;
    return row->halves ? few / 2 : few;
}

// Blocks of `block` words that a lane adds one after another.
static uint64_t chain_of(const vkn_row *row, uint64_t lanes, uint64_t block) {
    return vkn_ceil_div(vkn_ceil_div(row->elements, 4) * row->outers, vkn_most(lanes * block, 1));
}

// Lanes of a team that reads its row again: as few as its chains allow and as fill the device. Rows that share weights
// are several streams as it is; with as many lanes as there are, backward's x and dy of so many rows stay in a cache,
// and texels want no more streams.
static uint32_t lanes_to_stream(const vkn_row *row, uint32_t lanes, uint32_t block, const vkn_limits *limits) {
    uint32_t few = limits->stream_lanes;
    if (limits->cpu && row->outers > 1 && row->elements % 4 == 0) few = lanes_without_masks(row->elements / 4, lanes);
    if (row->shared) few = row->gradient || limits->texels ? limits->lanes : few * 2;
    uint32_t fewer = few < lanes ? few : lanes;
    while (fewer < lanes &&
           (chain_of(row, fewer, block) > LONGEST_CHAIN || row->rows * fewer < limits->stream_invocations))
        fewer *= 2;
    return fewer;
}

// Of `outers` runs of `words` words: each run has whole blocks, or all of them together, if it can be.
static uint32_t block_over_runs(uint64_t outers, uint64_t words, uint32_t lanes, uint32_t most) {
    const uint64_t counts[] = {words, words * outers};
    for (uint32_t i = 0; i < 2; ++i) {
        uint64_t team = (uint64_t)lanes * block_for_share(counts[i], lanes, most);
        if (counts[i] % team == 0 && words * outers <= team * LONGEST_CHAIN) return (uint32_t)(team / lanes);
    }
    return most;
}

vkn_row vkn_row_of(const vkn_plan *plan, uint64_t units, bool gradient) {
    const vkn_geometry *g = plan->geometry;
    return (vkn_row){
        .rows = units,
        .elements = g->run,
        .outers = g->outer,
        .span = g->outer > 1 ? g->elements : g->run,
        .halves = plan->element_bytes == 2,
        .gradient = gradient,
        .weighted = g->element_affine,
        .active = plan->request.activation != VKN_NO_ACTIVATION,
        .shared = g->element_affine && g->weight_rows == 1 && !plan->request.per_sample,
    };
}

// Lanes of a team that holds a row in its registers: more than a subgroup where that has too few of them.
static uint32_t lanes_to_hold(const vkn_row *row, uint64_t words, uint32_t block, const vkn_limits *limits) {
    uint32_t lanes = lanes_for(words, limits);
    if (limits->team > 0 || lanes == 1) return lanes;
    uint32_t wider = lanes,
             widest = row->gradient && row->shared && !row->active ? limits->sums_widest : limits->widest;
    while ((uint64_t)wider * block < words && wider < widest && !limits->cpu)
        wider *= 2;
    return (uint64_t)wider * block < words ? lanes : wider;
}

// Rows too wide for registers that share each load of a weight: as many as a team has, of which on a CPU half of what a
// cache keeps is read again. Records of fewer than four cost more than the sweep for dweight and dbias that they save.
static uint32_t rows_together(const vkn_row *row, uint64_t of_team, const vkn_limits *limits) {
    uint32_t together = row->gradient ? limits->grad_rows : limits->rows;
    uint64_t most = limits->cpu ? limits->slab / (row->gradient ? 4 : 2) : UINT64_MAX;
    while (together > 1 && (together > of_team || together * row->elements > most))
        together /= 2;
    return row->gradient && together < 4 ? 1 : together;
}

vkn_split vkn_split_row(const vkn_row *row, const vkn_limits *limits) {
    uint32_t block = block_for(row, limits);
    uint64_t run_words = vkn_ceil_div(row->elements, 4), words = run_words * row->outers;
    bool one = row->outers == 1 || limits->gpu;
    vkn_split split = {.lanes =
                           one ? lanes_to_hold(row, words, block, limits) : lanes_over(row->outers, run_words, limits),
                       .unit_step = 1,
                       .outer_step = row->outers,
                       .run_step = vkn_most(run_words, 1) * 4};
    uint64_t held = vkn_ceil_div(words, split.lanes);
    // A single lane would hold a whole row: reading it again from the cache is cheaper.
    split.on_chip = one && held <= block && (split.lanes > 1 || held <= 4);
    split.block = (uint32_t)power_of_two(split.on_chip ? vkn_most(held, 1) : vkn_least(block, limits->stream_block));
    if (!split.on_chip) split.lanes = lanes_to_stream(row, split.lanes, split.block, limits);
    // A block that fits exactly has no tail.
    if (split.on_chip && row->elements % 4 == 0 && held * split.lanes == words) split.block = (uint32_t)held;
    if (!split.on_chip && row->elements % 4 == 0)
        split.block = block_over_runs(row->outers, run_words, split.lanes, split.block);
    if (!row->shared) return split;
    // Rows that share weights follow one another in a team, as far as the device stays filled.
    uint64_t fill = row->gradient ? limits->grad_row_invocations : limits->row_invocations;
    uint64_t teams = vkn_most(fill / vkn_most(split.lanes, 1), 1);
    uint64_t room = vkn_record_room(limits) / vkn_most(row->elements, 1);
    teams = vkn_most(vkn_least(teams, room), 1);
    split.unit_step = vkn_most(vkn_least(vkn_ceil_div(row->rows, teams), VKN_MOST_ROWS), 1);
    uint32_t together = split.on_chip ? 1 : rows_together(row, split.unit_step, limits);
    if (together > 1) {
        split.rows = together;
        split.unit_step -= split.unit_step % together;
    }
    if (row->gradient && split.on_chip && limits->gpu && split.lanes < limits->widest) {
        split.workgroup = limits->widest;
        split.added = limits->widest / split.lanes;
    }
    return split;
}

bool vkn_row_pays(const vkn_row *row, const vkn_limits *limits) {
    uint64_t elements = row->elements * row->outers;
    if (!limits->on_chip || row->span > limits->binding_elements) return false;
    vkn_split split = vkn_split_row(row, limits);
    if (split.on_chip) return true;
    uint64_t chain = chain_of(row, split.lanes, split.block), block = (uint64_t)split.lanes * split.block * 4;
    bool across = row->outers > 1 && row->elements % 4 == 0 && row->elements % block != 0;
    return chain <= LONGEST_CHAIN && row->rows >= limits->slab_teams && elements <= limits->slab &&
           (limits->across || !across);
}

// Lanes that cannot share a run evenly are as few as may read one again.
static vkn_split split_rows(const vkn_view *view, const vkn_limits *limits) {
    uint64_t outer = vkn_most(view->count[0], 1), run = view->count[2], words = vkn_ceil_div(run, 4);
    uint32_t lanes = lanes_over(outer, words, limits);
    if (limits->cpu) lanes = lanes_without_masks(words, lanes);
    bool masks = run % 4 || words % lanes;
    if (masks) lanes = (uint32_t)vkn_least(lanes, limits->stream_lanes);
    vkn_split split = {.lanes = lanes};
    split.block = (uint32_t)vkn_least(power_of_two(vkn_ceil_div(words, split.lanes)), limits->stream_block);
    uint64_t block = (uint64_t)split.lanes * split.block * 4;
    uint64_t wanted = vkn_least(limits->teams, limits->binding_elements / 4);
    wanted = vkn_most(wanted / view->count[1], 1);
    uint64_t cuts = wanted > outer ? vkn_ceil_div(wanted, outer) : 1;
    cuts = vkn_most(vkn_least(cuts, run / (block * 4)), 1);
    split.run_step = vkn_least(vkn_ceil_div(vkn_ceil_div(run, cuts), 64) * 64, block * LONGEST_CHAIN);
    uint64_t blocks = vkn_ceil_div(vkn_least(run, split.run_step), block);
    uint64_t step = vkn_least(vkn_most(outer / wanted, 1), vkn_most(LONGEST_CHAIN / blocks, 1));
    split.outer_step = even_step(outer, step, limits);
    if (limits->cpu && !masks && run <= split.run_step)
        split.block = block_over_runs(split.outer_step, words, lanes, split.block);
    return split;
}

// ---- Columns -------------------------------------------------------------------------------------------------------
// As many words as let a subgroup sweep a whole position, or a long stretch of it; a load at least.
static uint32_t column_words_for(uint64_t words, const vkn_limits *limits) {
    uint64_t most = limits->column_words;
    if (!limits->cpu && words % 2 == 0) most = vkn_most(most, limits->vector);
    uint64_t held = vkn_least(vkn_least(words, most), 4);
    while (held < most && held * limits->subgroup < words)
        held *= 2;
    return (uint32_t)vkn_most(held, 1);
}

// On a GPU a workgroup has neighbouring pieces, a cache line together, and its lanes share positions as far as there
// are any.
static uint32_t column_lanes_for(uint64_t positions, const vkn_limits *limits) {
    enum { TEAMS = 8 };
    if (!limits->gpu) return 1;
    if (limits->team > 0) return limits->team;
    return (uint32_t)vkn_least(limits->widest / TEAMS, power_of_two(positions));
}

uint64_t vkn_positions_each(const vkn_split *split, uint64_t positions, uint64_t parts) {
    uint64_t whole = (uint64_t)split->lanes * split->block / split->words;
    return vkn_ceil_div(vkn_ceil_div(positions, parts), whole) * whole;
}

// Parts of which a lane has at least and at most so many positions: no more of them than fill the device, if that is
// not too few.
static vkn_split split_columns(const vkn_view *view, const vkn_limits *limits, uint64_t least, uint64_t most) {
    uint64_t words = vkn_ceil_div(view->count[2], 4), positions = view->count[1];
    vkn_split split = {.lanes = column_lanes_for(positions, limits), .words = column_words_for(words, limits)};
    split.interleaved = true;
    if (split.lanes > 1) split.workgroup = limits->widest;
    split.block = (uint32_t)vkn_most(limits->column_block / split.words, 1) * split.words;
    uint64_t stretches = vkn_most(vkn_ceil_div(words, split.words), 1);
    uint64_t wanted = vkn_least(limits->invocations / split.lanes, limits->binding_elements / 16);
    uint64_t parts = wanted / vkn_most(stretches * view->count[0], 1);
    parts = vkn_least(vkn_most(parts, 1), vkn_most(positions / (least * split.lanes), 1));
    parts = vkn_most(vkn_most(parts, vkn_ceil_div(positions, most * split.lanes)), 1);
    split.parts = vkn_most(vkn_ceil_div(positions, vkn_positions_each(&split, positions, parts)), 1);
    return split;
}

// ---- Splits --------------------------------------------------------------------------------------------------------
vkn_split vkn_split_reduce(const vkn_view *view, const vkn_limits *limits) {
    if (!view->columns) return split_rows(view, limits);
    return split_columns(view, limits, limits->least_positions, limits->reduce_positions);
}

// One word a lane: what is done for each column but once, statistics and their stores, is much code for many words.
vkn_split vkn_split_whole_columns(const vkn_view *view, const vkn_limits *limits) {
    vkn_limits narrow = *limits;
    narrow.column_words = 1;
    narrow.column_block = (uint32_t)vkn_least(limits->column_block, 4);
    return split_columns(view, &narrow, limits->least_positions, limits->reduce_positions);
}

bool vkn_columns_pay(const vkn_plan *plan, const vkn_view *view) {
    const vkn_geometry *g = plan->geometry;
    const vkn_limits *limits = plan->limits;
    if (!g->columns || g->fan != 1 || vkn_plan_splits_batch(plan) || !limits->on_chip) return false;
    vkn_split split = vkn_split_whole_columns(view, limits);
    vkn_boxes boxes = vkn_boxes_of(view, &split, limits);
    return split.parts == 1 && boxes.number[1] == 1 && view->count[1] * split.words * 4 <= limits->slab;
}

// `cuts` or a few more, so that each lane of each piece has as many of `words`; `cuts` where no such number is near.
static uint64_t even_cuts(uint64_t words, uint64_t cuts, uint32_t lanes) {
    enum { NEAR = 64 };
    for (uint64_t even = cuts; even < vkn_least(cuts * 2, cuts + NEAR); ++even) {
        if (words % (even * lanes) == 0) return even;
    }
    return cuts;
}

// A lane takes about `apply` words of a run, which is cut evenly where that leaves no masks; of short runs as many, of
// several outers, on a CPU as far as teams fill the device.
static vkn_split split_apply_rows(const vkn_view *view, const vkn_limits *limits) {
    uint64_t outers = vkn_most(view->count[0], 1), words = vkn_most(vkn_ceil_div(view->count[2], 4), 1);
    uint32_t lanes = lanes_over(view->count[0], words, limits);
    uint64_t most = (uint64_t)lanes * limits->apply, teams = vkn_most(limits->teams / vkn_most(view->count[1], 1), 1);
    uint64_t piece = vkn_least(most, vkn_ceil_div(outers * words, teams));
    if (words * 2 < most) {
        uint64_t step = vkn_least((limits->cpu ? piece : most) / words, outers);
        return (vkn_split){.lanes = lanes,
                           .block = limits->apply_block,
                           .run_step = words * 4,
                           .outer_step = even_step(outers, vkn_most(step, 1), limits)};
    }
    uint64_t cuts = vkn_most(even_cuts(words, vkn_ceil_div(words, vkn_most(piece, 1)), lanes), 1);
    uint64_t each = vkn_ceil_div(words, cuts), share = vkn_ceil_div(each, lanes);
    return (vkn_split){.lanes = lanes,
                       .block = block_for_share(each, lanes, (uint32_t)vkn_least(share, limits->apply_block)),
                       .run_step = words % cuts == 0 ? each * 4 : vkn_ceil_div(each, 16) * 64,
                       .outer_step = 1};
}

// Of columns a GPU's lane loads a block of positions before it writes one; a CPU's where it is tested, by `team`.
vkn_split vkn_split_apply(const vkn_view *view, const vkn_limits *limits) {
    if (!view->columns) return split_apply_rows(view, limits);
    vkn_split split = split_columns(view, limits, 1, limits->apply_positions);
    if (limits->cpu && limits->team == 0) split.block = split.words;
    return split;
}

// Many records: a whole workgroup, barriers or not, rather than lanes that loop for long. On a GPU the teams of a
// workgroup take turns, so that it reads the records of neighbouring outputs together.
vkn_split vkn_split_merge(uint64_t records, const vkn_limits *limits) {
    uint64_t lanes = lanes_for(records, limits), longest = limits->gpu ? LONGEST_GPU_MERGE : LONGEST_MERGE;
    if (limits->gpu && limits->team == 0) lanes = vkn_least(lanes, LEAST_GPU_MERGE);
    while (lanes * longest < records && lanes < limits->widest)
        lanes *= 2;
    vkn_split split = {.lanes = (uint32_t)lanes, .block = 1};
    if (!limits->gpu) return split;
    split.workgroup = limits->widest;
    split.interleaved = true;
    return split;
}
