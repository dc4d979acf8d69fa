// SPDX-License-Identifier: MIT
// Philox4x32-10 (Salmon et al. 2011): four words of random bits for each counter and key, by integer arithmetic alone,
// so the same on every device.
uvec4 philox(uvec4 counter, uvec2 key) {
    for (int turn = 0; turn < 10; turn++) {
        uint high0, low0, high1, low1;
        umulExtended(counter.x, 0xd2511f53u, high0, low0);
        umulExtended(counter.z, 0xcd9e8d57u, high1, low1);
        counter = uvec4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key += uvec2(0x9e3779b9u, 0xbb67ae85u);
    }
    return counter;
}
