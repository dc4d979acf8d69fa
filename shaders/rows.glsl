// SPDX-License-Identifier: MIT
// The rows family: lanes sweep the contiguous run of a unit. Which part of which unit a team has.
struct Part {
    bool live;  // false: a team beyond the last one, which has no elements
    uint unit;    // in the slice
    uint part;
    uint outer_first, outer_count;
    uint run_first, run_count; // elements
    uint first;                // element of the first outer's first element
};

Part part_of_team() {
    uint team = team_index();
    Part p;
    p.live = team < push.teams;
    team = min(team, push.teams - 1u);
    uint unit = team % push.units;
    p.unit = push.unit_first + unit;
    p.part = team / push.units;
    p.outer_first = (p.part / push.run_parts) * push.outer_step;
    p.run_first = (p.part % push.run_parts) * push.run_step;
    p.outer_count = p.live ? min(push.outer_step, push.outers - p.outer_first) : 0u;
    p.run_count = min(push.run_step, push.run - p.run_first);
    p.first = unit * push.unit_stride + p.outer_first * push.outer_stride + p.run_first;
    return p;
}

// The statistics of a unit: its channel's, or its group's.
uint group_of(uint unit) { return has(VKN_STAT_CHANNEL) ? unit % push.period : unit / push.fan; }

// Elements of word `word` that exist in a run of `count`.
uint valid_in(uint word, uint count) {
    uint first = word * 4u;
    return first < count ? min(count - first, 4u) : 0u;
}

// Elements that are left from the first word that lane `lane` has in a block; negative where it has none.
int left_at(uint block, uint lane, uint count) { return int(count) - int((block + lane) * 4u); }

uint words_in(uint count) { return (count + 3u) / 4u; }

// The words that lane `lane` has in the block that starts at `block`: they lie LANES apart, so that the team's loads
// are coalesced.
uint word_of(uint block, uint k, uint lane) { return block + k * LANES + lane; }

// weight and bias of a word of a row: of the unit, of each element, or of each span of elements.
uint affine_row(uint unit, uint outer) {
    return (unit / push.affine_share - push.affine_first) % push.affine_period + outer * push.affine_outer;
}

#define AFFINE_LOAD(name, flag, missing, offset)                                                   \
    vec4 name##_of(uint row, uint element, uint valid) {                                           \
        if (!has(flag)) return vec4(missing);                                                      \
        uint first = row * push.affine_stride;                                                     \
        if (AFFINE == VKN_AFFINE_ELEMENT) return name##_load(first + element, valid) + offset;     \
        if (AFFINE == VKN_AFFINE_UNIT) return vec4(name##_at(first) + offset);                     \
        float v = name##_at(first + element / push.affine_span) + offset;                          \
        if (VECTOR && push.affine_span % 4u == 0u) return vec4(v);                                 \
        vec4 all = vec4(v);                                                                        \
        for (uint k = 1u; k < valid; ++k) all[k] = name##_at(first + (element + k) / push.affine_span) + offset; \
        return all;                                                                                \
    }
