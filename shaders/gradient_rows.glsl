// SPDX-License-Identifier: MIT
// x, dy, and the residual or dh, of a block of words. The including shader has the tensors x, dy and added.
vec4 x[BLOCK], dy[BLOCK], added[BLOCK];

void load_word(Access at, bool with_x) {
    if (with_x) x[at.k] = x_load(at);
    dy[at.k] = dy_load(at);
    if (WITH_ADDED) added[at.k] = added_load(at);
}
