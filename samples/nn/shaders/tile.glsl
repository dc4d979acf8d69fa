// SPDX-License-Identifier: MIT
// A workgroup's tile of products c(m, n) = sum over first <= k < last of a(m, k) * b(k, n). Who includes this says where
// a and b lie and where c goes, by the three functions that are only declared here, and is dispatched by
// nn_dispatch_tiles.
#define DEPTH 16       // of a tile: products that are added up before they go to the total
#define CELL_ROWS 4    // an invocation owns CELL_ROWS x CELL_COLUMNS outputs. Loads of shared memory are what it spends
#define CELL_COLUMNS 8 // its time on, so a cell is large, and a load is a vec4
#define WORDS (CELL_COLUMNS / 4)
#define CELLS (NN_TILE_COLUMNS / CELL_COLUMNS)
#define LANES (NN_TILE_ROWS / CELL_ROWS * CELLS)
#define PITCH_A (NN_TILE_ROWS / 4 + 1) // of a tile row in shared memory: neighbours fall into different banks
#define PITCH_B (NN_TILE_COLUMNS / 4 + 1)
#define TURNS 2 // loads in flight: with more, SwiftShader's compiler takes seconds, with all of them minutes
layout(local_size_x = LANES) in;

shared vec4 tile_a[DEPTH * PITCH_A];
shared vec4 tile_b[DEPTH * PITCH_B];

// Each puts one element of its tile, zero where it is outside. e counts them: neighbouring invocations have neighbours,
// and one invocation's follow each other, LANES apart. What e stands for is the includer's choice.
void load_a(uint e, uint first_m, uint first_k);
void load_b(uint e, uint first_n, uint first_k);
// Called once for each m and n of the tile, also for those outside.
void store(uint m, uint n, float sum);

// For load_a and load_b: i is the row or column in the tile, k counts from first_k.
void put_a(uint i, uint k, float value) { tile_a[k * PITCH_A + i / 4][i % 4] = value; }
void put_b(uint i, uint k, float value) { tile_b[k * PITCH_B + i / 4][i % 4] = value; }

struct nn_tile {
    uint first_m, first_n, layer;
};
nn_tile tile_of_workgroup(uint rows, uint columns) {
    const uint across = (columns + NN_TILE_COLUMNS - 1) / NN_TILE_COLUMNS;
    const uint down = (rows + NN_TILE_ROWS - 1) / NN_TILE_ROWS;
    const uint tile = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    return nn_tile(tile / across % down * NN_TILE_ROWS, tile % across * NN_TILE_COLUMNS, tile / (across * down));
}

void load_tiles(uint first_m, uint first_n, uint first_k) {
    for (uint e = gl_LocalInvocationIndex; e < NN_TILE_ROWS * DEPTH; e += TURNS * LANES) {
        [[unroll]] for (uint turn = 0; turn < TURNS; turn++) load_a(e + turn * LANES, first_m, first_k);
    }
    for (uint e = gl_LocalInvocationIndex; e < NN_TILE_COLUMNS * DEPTH; e += TURNS * LANES) {
        [[unroll]] for (uint turn = 0; turn < TURNS; turn++) load_b(e + turn * LANES, first_n, first_k);
    }
}

void tile_product(nn_tile tile, uint first, uint last) {
    const uint row = gl_LocalInvocationIndex / CELLS, column = gl_LocalInvocationIndex % CELLS;
    vec4 total[CELL_ROWS][WORDS];
    [[unroll]] for (uint i = 0; i < CELL_ROWS; i++) {
        [[unroll]] for (uint j = 0; j < WORDS; j++) total[i][j] = vec4(0.0);
    }
    for (uint first_k = first; first_k < last; first_k += DEPTH) {
        load_tiles(tile.first_m, tile.first_n, first_k);
        barrier();
        vec4 part[CELL_ROWS][WORDS]; // a sum of sums: no long chain of additions
        [[unroll]] for (uint i = 0; i < CELL_ROWS; i++) {
            [[unroll]] for (uint j = 0; j < WORDS; j++) part[i][j] = vec4(0.0);
        }
        for (uint k = 0; k < DEPTH; k++) {
            const vec4 left = tile_a[k * PITCH_A + row];
            [[unroll]] for (uint j = 0; j < WORDS; j++) {
                const vec4 right = tile_b[k * PITCH_B + j * CELLS + column];
                [[unroll]] for (uint i = 0; i < CELL_ROWS; i++) part[i][j] += left[i] * right;
            }
        }
        [[unroll]] for (uint i = 0; i < CELL_ROWS; i++) {
            [[unroll]] for (uint j = 0; j < WORDS; j++) total[i][j] += part[i][j];
        }
        barrier();
    }
    for (uint c = 0; c < 4; c++) {
        [[unroll]] for (uint j = 0; j < WORDS; j++) {
            const uint n = tile.first_n + (j * CELLS + column) * 4 + c;
            [[unroll]] for (uint i = 0; i < CELL_ROWS; i++) {
                store(tile.first_m + row * CELL_ROWS + i, n, total[i][j][c]);
            }
        }
    }
}
