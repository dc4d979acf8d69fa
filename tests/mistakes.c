// SPDX-License-Identifier: MIT
#include "mistakes.h"

#include <math.h>

#define WRONG(kind, function, right, spoilt, message)                                                                  \
    { VKN_##kind, function, right, spoilt, message }
#define RIGHT(name, kind, function, right)                                                                             \
    { VKN_##kind, function, right, NONE, name }
#define WITH(...)                                                                                                      \
    { __VA_ARGS__ }
#define SPOILT(...)                                                                                                    \
    { __VA_ARGS__ }
#define NONE                                                                                                           \
    {                                                                                                                  \
        { 0 }                                                                                                          \
    }

#define SET(target, value)                                                                                             \
    { target, X, 0, value }
#define DROP(role)                                                                                                     \
    { ABSENT, role, 0, 0 }
#define GIVE(role)                                                                                                     \
    { GIVEN, role, 0, 0 }
#define TYPE(role, dtype)                                                                                              \
    { DTYPE, role, 0, dtype }
#define DIMENSION(role, at, size)                                                                                      \
    { SIZE, role, at, size }
#define COUNT(role, size)                                                                                              \
    { SIZE, role, 0, size }
#define MOVE(role, bytes)                                                                                              \
    { SHIFT, role, 0, bytes }
#define BEHIND(role, other, bytes)                                                                                     \
    { OVER, role, other, bytes }

#define EVAL SET(TRAINING, 0)
#define HALF TYPE(LIKE_X, VKN_F16)
#define RELU SET(ACTIVATION, VKN_RELU)
#define GIVE_RUNNING GIVE(RUNNING_MEAN), GIVE(RUNNING_VAR)
#define DROP_RUNNING DROP(RUNNING_MEAN), DROP(RUNNING_VAR)
#define MATRIX(n, c) {RANK, LIKE_X, 0, 2}, DIMENSION(LIKE_X, 0, n), DIMENSION(LIKE_X, 1, c)

struct mistake mistakes[] = {
    // The norm itself.
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(KIND, 0)), "kind: 0 is none of batch, instance, group, layer, rms"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(SET(KIND, 17)), "kind: 17 is none of batch, instance, group, layer, rms"),
    WRONG(BATCH, NORM_MOMENTS, NONE, SPOILT(SET(KIND, 6)), "kind: 6 is none of batch, instance, group, layer, rms"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(EPS, -0.5)), "eps: -0.5, must be at least 0 and finite"),
    WRONG(LAYER, FORWARD, NONE, SPOILT(SET(EPS, NAN)), "eps: nan, must be at least 0 and finite"),
    WRONG(RMS, BACKWARD, NONE, SPOILT(SET(EPS, INFINITY)), "eps: inf, must be at least 0 and finite"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(ACTIVATION, 7)), "activation: 7 is none of none, relu, silu"),
    WRONG(RMS, BACKWARD, NONE, SPOILT(SET(ACTIVATION, 3)), "activation: 3 is none of none, relu, silu"),
    WRONG(BATCH, NORM_SUMS, NONE, SPOILT(SET(ACTIVATION, 4)), "activation: 4 is none of none, relu, silu"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(WEIGHT_OFFSET, INFINITY)), "weight_offset: inf, must be finite"),
    WRONG(RMS, BACKWARD, NONE, SPOILT(SET(WEIGHT_OFFSET, NAN)), "weight_offset: nan, must be finite"),
    WRONG(GROUP, FORWARD, NONE, SPOILT(SET(NORM_GROUPS, 0)), "groups: 0, must be at least 1"),
    WRONG(GROUP, FORWARD, NONE, SPOILT(SET(NORM_GROUPS, 4)),
          "Expected number of channels in input to be divisible by num_groups, but got input of shape [4, 6, 5] and "
          "num_groups=4"),
    WRONG(GROUP, BACKWARD, NONE, SPOILT(SET(NORM_GROUPS, 5)),
          "Expected number of channels in input to be divisible by num_groups, but got input of shape [4, 6, 5] and "
          "num_groups=5"),
    WRONG(LAYER, FORWARD, NONE, SPOILT(SET(NORMALIZED_RANK, 0)), "normalized_rank: 0, must be 1 to x's rank 3"),
    WRONG(RMS, BACKWARD, NONE, SPOILT(SET(NORMALIZED_RANK, 4)), "normalized_rank: 4, must be 1 to x's rank 3"),

    // What must be there.
    WRONG(BATCH, FORWARD, NONE, SPOILT(DROP(X)), "x: absent, but it is needed"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(DROP(Y)), "y: absent, but it is needed"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(DROP(DY)), "dy: absent, but it is needed"),
    WRONG(BATCH, NORM_MOMENTS, NONE, SPOILT(DROP(MOMENTS)), "moments: absent, but it is needed"),
    WRONG(BATCH, NORM_SUMS, NONE, SPOILT(DROP(STATISTICS)), "statistics: absent, but it is needed"),
    WRONG(BATCH, NORM_SUMS, NONE, SPOILT(DROP(SUMS)), "sums: absent, but it is needed"),
    WRONG(BATCH, MERGE_MOMENTS, NONE, SPOILT(DROP(ALL)), "all: absent, but it is needed"),
    WRONG(BATCH, MERGE_SUMS, NONE, SPOILT(DROP(MERGED)), "merged: absent, but it is needed"),

    // Shapes.
    WRONG(LAYER, FORWARD, NONE, SPOILT({RANK, LIKE_X, 0, 0}), "x: rank 0, must be 1 to 6"),
    WRONG(BATCH, FORWARD, NONE, SPOILT({RANK, LIKE_X, 0, 1}), "expected 2D to 6D input (got 1D input)"),
    WRONG(BATCH, FORWARD, NONE, SPOILT({RANK, LIKE_X, 0, 7}), "x: rank 7, must be 1 to 6"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(MATRIX(1, 6)),
          "Expected more than 1 value per channel when training, got input size [1, 6]"),
    WRONG(BATCH, FORWARD, WITH(DROP_RUNNING, EVAL), SPOILT(MATRIX(1, 6)),
          "Expected more than 1 value per channel when training, got input size [1, 6]"),
    WRONG(INSTANCE, FORWARD, NONE, SPOILT(DIMENSION(LIKE_X, 2, 1)),
          "Expected more than 1 spatial element when training, got input size [4, 6, 1]"),
    WRONG(BATCH, FORWARD, NONE,
          SPOILT(DIMENSION(LIKE_X, 0, UINT32_MAX), DIMENSION(LIKE_X, 1, UINT32_MAX), DIMENSION(LIKE_X, 2, 16)),
          "x: shape [4294967295, 4294967295, 16] has more elements than 64 bits count"),
    WRONG(BATCH, FORWARD, NONE, SPOILT({LAYOUT, LIKE_X, 0, 5}),
          "x: layout 5 is neither channels first nor channels last"),
    WRONG(BATCH, FORWARD, NONE, SPOILT({LAYOUT, Y, 0, VKN_CHANNELS_LAST}), "y: layout 1, must be that of x: 0"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(DIMENSION(Y, 2, 4)), "y: shape [4, 6, 4], must be that of x: [4, 6, 5]"),
    WRONG(BATCH, FORWARD, NONE, SPOILT({RANK, Y, 0, 2}), "y: shape [4, 6], must be that of x: [4, 6, 5]"),
    WRONG(BATCH, FORWARD, WITH(GIVE(RESIDUAL)), SPOILT(DIMENSION(RESIDUAL, 0, 3)),
          "residual: shape [3, 6, 5], must be that of x: [4, 6, 5]"),
    WRONG(RMS, FORWARD, WITH(GIVE(RESIDUAL), GIVE(H)), SPOILT({LAYOUT, H, 0, VKN_CHANNELS_LAST}),
          "h: layout 1, must be that of x: 0"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(DIMENSION(DY, 0, 3)), "dy: shape [3, 6, 5], must be that of x: [4, 6, 5]"),
    WRONG(BATCH, BACKWARD, WITH(RELU, GIVE(RESIDUAL)), SPOILT(DIMENSION(RESIDUAL, 1, 5)),
          "residual: shape [4, 5, 5], must be that of x: [4, 6, 5]"),
    WRONG(LAYER, BACKWARD, WITH(GIVE(DH)), SPOILT(DIMENSION(DH, 2, 6)),
          "dh: shape [4, 6, 6], must be that of x: [4, 6, 5]"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(DIMENSION(DX, 1, 5)), "dx: shape [4, 5, 5], must be that of x: [4, 6, 5]"),
    WRONG(GROUP, BACKWARD, WITH(GIVE(DRESIDUAL)), SPOILT(DIMENSION(DRESIDUAL, 1, 5)),
          "dresidual: shape [4, 5, 5], must be that of x: [4, 6, 5]"),
    WRONG(BATCH, NORM_SUMS, WITH(GIVE(DRESIDUAL)), SPOILT(DIMENSION(DRESIDUAL, 1, 5)),
          "dresidual: shape [4, 5, 5], must be that of x: [4, 6, 5]"),

    // Element types and offsets.
    WRONG(BATCH, FORWARD, NONE, SPOILT(TYPE(LIKE_X, VKN_I64)), "x: dtype i64, must be f32, f16 or bf16"),
    WRONG(BATCH, NORM_MOMENTS, NONE, SPOILT(TYPE(X, VKN_I64)), "x: dtype i64, must be f32, f16 or bf16"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(TYPE(LIKE_X, 9)), "x: dtype 9 is no dtype"),
    WRONG(BATCH, FORWARD, WITH(HALF), SPOILT(TYPE(Y, VKN_F32)), "y: dtype f32, must be that of x: f16"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(TYPE(Y, VKN_BF16)), "y: dtype bf16, must be that of x: f32"),
    WRONG(LAYER, FORWARD, WITH(GIVE(RESIDUAL), HALF), SPOILT(TYPE(RESIDUAL, VKN_BF16)),
          "residual: dtype bf16, must be that of x: f16"),
    WRONG(RMS, FORWARD, WITH(GIVE(RESIDUAL), GIVE(H), HALF), SPOILT(TYPE(H, VKN_F32)),
          "h: dtype f32, must be that of x: f16"),
    WRONG(BATCH, BACKWARD, WITH(HALF), SPOILT(TYPE(DY, VKN_F32)), "dy: dtype f32, must be that of x: f16"),
    WRONG(BATCH, BACKWARD, WITH(RELU, GIVE(RESIDUAL), HALF), SPOILT(TYPE(RESIDUAL, VKN_F32)),
          "residual: dtype f32, must be that of x: f16"),
    WRONG(RMS, BACKWARD, WITH(GIVE(DH), HALF), SPOILT(TYPE(DH, VKN_F32)), "dh: dtype f32, must be that of x: f16"),
    WRONG(BATCH, BACKWARD, WITH(HALF), SPOILT(TYPE(DX, VKN_BF16)), "dx: dtype bf16, must be that of x: f16"),
    WRONG(GROUP, BACKWARD, WITH(GIVE(DRESIDUAL), HALF), SPOILT(TYPE(DRESIDUAL, VKN_F32)),
          "dresidual: dtype f32, must be that of x: f16"),
    WRONG(BATCH, FORWARD, WITH(HALF), SPOILT(TYPE(WEIGHT, VKN_BF16)),
          "weight: dtype bf16, must be f32 or that of x: f16"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(TYPE(WEIGHT, VKN_F16)), "weight: dtype f16, must be f32 or that of x: f32"),
    WRONG(RMS, BACKWARD, WITH(HALF), SPOILT(TYPE(WEIGHT, VKN_I64)), "weight: dtype i64, must be f32 or that of x: f16"),
    WRONG(BATCH, FORWARD, WITH(HALF), SPOILT(TYPE(BIAS, VKN_F16)), "bias: dtype f16, must be that of weight: f32"),
    WRONG(LAYER, FORWARD, WITH(DROP(WEIGHT), HALF), SPOILT(TYPE(BIAS, VKN_BF16)),
          "bias: dtype bf16, must be f32 or that of x: f16"),
    WRONG(GROUP, BACKWARD, WITH(RELU, GIVE(BIAS), HALF), SPOILT(TYPE(WEIGHT, VKN_F16)),
          "bias: dtype f32, must be that of weight: f16"),
    WRONG(BATCH, BACKWARD, WITH(HALF), SPOILT(TYPE(DWEIGHT, VKN_F16)), "dweight: dtype f16, must be f32"),
    WRONG(BATCH, NORM_SUMS, WITH(HALF), SPOILT(TYPE(DBIAS, VKN_F16)), "dbias: dtype f16, must be f32"),
    WRONG(BATCH, FORWARD, WITH(HALF), SPOILT(TYPE(STATISTICS, VKN_F16)), "statistics: dtype f16, must be f32"),
    WRONG(RMS, BACKWARD, WITH(HALF), SPOILT(TYPE(STATISTICS, VKN_F16)), "statistics: dtype f16, must be f32"),
    WRONG(BATCH, FORWARD, WITH(GIVE(MOMENTS)), SPOILT(TYPE(MOMENTS, VKN_BF16)), "moments: dtype bf16, must be f32"),
    WRONG(BATCH, NORM_MOMENTS, NONE, SPOILT(TYPE(MOMENTS, VKN_I64)), "moments: dtype i64, must be f32"),
    WRONG(BATCH, BACKWARD, WITH(GIVE(SUMS)), SPOILT(TYPE(SUMS, VKN_F16)), "sums: dtype f16, must be f32"),
    WRONG(LAYER, NORM_SUMS, NONE, SPOILT(TYPE(SUMS, VKN_F16)), "sums: dtype f16, must be f32"),
    WRONG(BATCH, MERGE_MOMENTS, NONE, SPOILT(TYPE(ALL, VKN_F16)), "all: dtype f16, must be f32"),
    WRONG(BATCH, MERGE_SUMS, NONE, SPOILT(TYPE(MERGED, VKN_F16)), "merged: dtype f16, must be f32"),
    WRONG(BATCH, FORWARD, WITH(HALF), SPOILT(TYPE(RUNNING_MEAN, VKN_F16)), "running_mean: dtype f16, must be f32"),
    WRONG(BATCH, BACKWARD, WITH(GIVE_RUNNING, EVAL), SPOILT(TYPE(RUNNING_VAR, VKN_F16)),
          "running_var: dtype f16, must be f32"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(TYPE(COUNTER, VKN_F32)), "num_batches_tracked: dtype f32, must be i64"),
    WRONG(BATCH, FORWARD, WITH(HALF), SPOILT(MOVE(X, 1)), "x: offset 1 is not a multiple of its element size 2"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(MOVE(X, 2)), "x: offset 2 is not a multiple of its element size 4"),
    WRONG(BATCH, NORM_MOMENTS, WITH(TYPE(X, VKN_BF16)), SPOILT(MOVE(X, 3)),
          "x: offset 3 is not a multiple of its element size 2"),
    WRONG(BATCH, FORWARD, WITH(GIVE(RESIDUAL), HALF), SPOILT(MOVE(RESIDUAL, 1)),
          "residual: offset 17 is not a multiple of its element size 2"),
    WRONG(BATCH, FORWARD, WITH(HALF, TYPE(WEIGHT, VKN_F16), TYPE(BIAS, VKN_F16)), SPOILT(MOVE(WEIGHT, 1)),
          "weight: offset 33 is not a multiple of its element size 2"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(MOVE(DY, 3)), "dy: offset 35 is not a multiple of its element size 4"),
    WRONG(BATCH, BACKWARD, WITH(HALF), SPOILT(MOVE(STATISTICS, 2)),
          "statistics: offset 50 is not a multiple of its element size 4"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(MOVE(COUNTER, 4)),
          "num_batches_tracked: offset 12 is not a multiple of its element size 8"),
    WRONG(BATCH, MERGE_SUMS, NONE, SPOILT(MOVE(MERGED, 2)),
          "merged: offset 66 is not a multiple of its element size 4"),

    // Numbers of elements.
    WRONG(BATCH, FORWARD, NONE, SPOILT(COUNT(WEIGHT, 5)), "weight should contain 6 elements (or 24, per sample) not 5"),
    WRONG(LAYER, FORWARD, NONE, SPOILT(COUNT(WEIGHT, 4)), "weight should contain 5 elements (or 20, per sample) not 4"),
    WRONG(RMS, FORWARD, WITH(SET(NORMALIZED_RANK, 3), DROP(WEIGHT), DROP(STATISTICS)), SPOILT(GIVE(WEIGHT)),
          "weight should contain 120 elements not 5"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(COUNT(WEIGHT, 23)),
          "weight should contain 6 elements (or 24, per sample) not 23"),
    WRONG(BATCH, FORWARD, WITH(COUNT(WEIGHT, 24), COUNT(BIAS, 24)), SPOILT(COUNT(BIAS, 6)),
          "bias should contain 24 elements, as weight does, not 6"),
    WRONG(GROUP, FORWARD, NONE, SPOILT(COUNT(BIAS, 24)), "bias should contain 6 elements, as weight does, not 24"),
    WRONG(LAYER, FORWARD, WITH(DROP(WEIGHT)), SPOILT(COUNT(BIAS, 6)),
          "bias should contain 5 elements (or 20, per sample) not 6"),
    WRONG(INSTANCE, BACKWARD, WITH(SET(ACTIVATION, VKN_SILU), GIVE(BIAS)), SPOILT(COUNT(BIAS, 24)),
          "bias should contain 6 elements, as weight does, not 24"),
    WRONG(BATCH, BACKWARD, WITH(COUNT(WEIGHT, 24), COUNT(DWEIGHT, 24), COUNT(DBIAS, 24)), SPOILT(COUNT(DWEIGHT, 6)),
          "dweight should contain 24 elements, as weight does, not 6"),
    WRONG(BATCH, NORM_SUMS, WITH(COUNT(WEIGHT, 24), COUNT(DWEIGHT, 24), COUNT(DBIAS, 24)), SPOILT(COUNT(DBIAS, 6)),
          "dbias should contain 24 elements, as weight does, not 6"),
    WRONG(BATCH, BACKWARD, WITH(DROP(WEIGHT), RELU, GIVE(BIAS), COUNT(BIAS, 24), COUNT(DWEIGHT, 24), COUNT(DBIAS, 24)),
          SPOILT(COUNT(DWEIGHT, 6)), "dweight should contain 24 elements, as bias does, not 6"),
    WRONG(BATCH, BACKWARD, WITH(DROP(WEIGHT)), SPOILT(COUNT(DBIAS, 24)),
          "dbias should contain 6 elements, as dweight does, not 24"),
    WRONG(BATCH, BACKWARD, WITH(DROP(WEIGHT), DROP(DWEIGHT)), SPOILT(COUNT(DBIAS, 7)),
          "dbias should contain 6 elements (or 24, per sample) not 7"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(COUNT(STATISTICS, 6)), "statistics should contain 24 elements not 6"),
    WRONG(GROUP, BACKWARD, NONE, SPOILT(COUNT(STATISTICS, 1000)), "statistics should contain 32 elements not 1000"),
    WRONG(BATCH, FORWARD, WITH(GIVE(MOMENTS)), SPOILT(COUNT(MOMENTS, 18)), "moments should contain 24 elements not 18"),
    WRONG(LAYER, NORM_MOMENTS, NONE, SPOILT(COUNT(MOMENTS, 24)), "moments should contain 96 elements not 24"),
    WRONG(BATCH, BACKWARD, WITH(GIVE(SUMS)), SPOILT(COUNT(SUMS, 12)), "sums should contain 24 elements not 12"),
    WRONG(BATCH, NORM_SUMS, NONE, SPOILT(COUNT(SUMS, 25)), "sums should contain 24 elements not 25"),
    WRONG(BATCH, MERGE_MOMENTS, NONE, SPOILT(COUNT(MERGED, 25)), "merged should contain 24 elements not 25"),
    WRONG(BATCH, MERGE_SUMS, NONE, SPOILT(COUNT(ALL, 47)), "all should contain 48 elements not 47"),
    WRONG(BATCH, MERGE_MOMENTS, NONE, SPOILT(SET(RANK_COUNT, 0)), "ranks: 0, must be at least 1"),
    WRONG(BATCH, MERGE_SUMS, NONE, SPOILT(SET(RANK_COUNT, 0)), "ranks: 0, must be at least 1"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(COUNT(RUNNING_MEAN, 5)), "running_mean should contain 6 elements not 5"),
    WRONG(INSTANCE, FORWARD, NONE, SPOILT(COUNT(RUNNING_VAR, 5)), "running_var should contain 6 elements not 5"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(COUNT(COUNTER, 2)), "num_batches_tracked should contain 1 elements not 2"),

    // What goes together.
    WRONG(BATCH, FORWARD, NONE, SPOILT(DROP(RUNNING_VAR)), "running_var: absent, but running_mean is given"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(DROP(RUNNING_MEAN)), "running_mean: absent, but running_var is given"),
    WRONG(BATCH, FORWARD, WITH(EVAL), SPOILT(DROP(RUNNING_VAR)), "running_var must be defined in evaluation mode"),
    WRONG(BATCH, FORWARD, WITH(EVAL), SPOILT(DROP(RUNNING_MEAN)), "running_mean must be defined in evaluation mode"),
    WRONG(INSTANCE, BACKWARD, WITH(EVAL), SPOILT(GIVE(RUNNING_VAR)), "running_mean must be defined in evaluation mode"),
    WRONG(GROUP, FORWARD, NONE, SPOILT(GIVE_RUNNING),
          "running_mean: must be absent: only batch and instance norm have running statistics"),
    WRONG(LAYER, BACKWARD, NONE, SPOILT(GIVE(RUNNING_VAR)),
          "running_var: must be absent: only batch and instance norm have running statistics"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(MOMENTUM, 1.5)),
          "momentum: 1.5, must be 0 to 1, or VKN_MOMENTUM_CUMULATIVE"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(MOMENTUM, -0.5)),
          "momentum: -0.5, must be 0 to 1, or VKN_MOMENTUM_CUMULATIVE"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(MOMENTUM, NAN)),
          "momentum: nan, must be 0 to 1, or VKN_MOMENTUM_CUMULATIVE"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(SET(MOMENTUM, -1), DROP(COUNTER)),
          "num_batches_tracked: absent, but momentum is cumulative"),
    WRONG(RMS, FORWARD, NONE, SPOILT(GIVE(BIAS)), "bias: must be absent: rms norm has none"),
    WRONG(RMS, BACKWARD, NONE, SPOILT(GIVE(DBIAS)), "dbias: must be absent: rms norm has none"),
    WRONG(RMS, NORM_SUMS, NONE, SPOILT(GIVE(DBIAS)), "dbias: must be absent: rms norm has none"),
    WRONG(LAYER, FORWARD, NONE, SPOILT(GIVE(H)), "h: given, but residual is absent"),
    WRONG(BATCH, FORWARD, WITH(GIVE(RESIDUAL), GIVE(MOMENTS)), SPOILT(GIVE(H)),
          "h: given, but moments are: a residual before the norm must be in x already"),
    WRONG(BATCH, FORWARD, WITH(GIVE(MOMENTS)), SPOILT(EVAL), "moments: given, but training is false"),
    WRONG(LAYER, BACKWARD, WITH(RELU, GIVE(RESIDUAL)), SPOILT(GIVE(DH)),
          "dh: given with a residual that was added after the norm"),
    WRONG(BATCH, BACKWARD, WITH(GIVE_RUNNING, EVAL), SPOILT(GIVE(SUMS)),
          "sums: given with running statistics, which need none"),
    WRONG(BATCH, NORM_SUMS, NONE, SPOILT(GIVE_RUNNING, EVAL), "sums: given with running statistics, which need none"),
    WRONG(BATCH, BACKWARD, WITH(GIVE(SUMS)), SPOILT(DROP(STATISTICS)), "statistics: absent, but it is needed"),

    // Bytes of two tensors.
    WRONG(BATCH, FORWARD, NONE, SPOILT(BEHIND(Y, X, 4)), "y: bytes from 4 of its buffer are also those of x, from 0"),
    WRONG(BATCH, FORWARD, WITH(HALF), SPOILT(BEHIND(Y, X, 2)),
          "y: bytes from 2 of its buffer are also those of x, from 0"),
    WRONG(RMS, FORWARD, WITH(GIVE(RESIDUAL), GIVE(H)), SPOILT(BEHIND(Y, H, 0)),
          "y: bytes from 24 of its buffer are also those of h, from 24"),
    WRONG(RMS, FORWARD, WITH(GIVE(RESIDUAL), GIVE(H)), SPOILT(BEHIND(H, RESIDUAL, 4)),
          "h: bytes from 20 of its buffer are also those of residual, from 16"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(BEHIND(WEIGHT, Y, 0)),
          "y: bytes from 8 of its buffer are also those of weight, from 8"),
    WRONG(BATCH, FORWARD, WITH(GIVE(MOMENTS)), SPOILT(BEHIND(STATISTICS, MOMENTS, 0)),
          "statistics: bytes from 52 of its buffer are also those of moments, from 52"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(BEHIND(STATISTICS, X, 16)),
          "statistics: bytes from 16 of its buffer are also those of x, from 0"),
    WRONG(BATCH, FORWARD, NONE, SPOILT(BEHIND(RUNNING_MEAN, RUNNING_VAR, 0)),
          "running_mean: bytes from 72 of its buffer are also those of running_var, from 72"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(BEHIND(DX, DY, 4)),
          "dx: bytes from 36 of its buffer are also those of dy, from 32"),
    WRONG(BATCH, BACKWARD, WITH(GIVE(DRESIDUAL)), SPOILT(BEHIND(DX, DRESIDUAL, 0)),
          "dx: bytes from 56 of its buffer are also those of dresidual, from 56"),
    WRONG(BATCH, BACKWARD, WITH(GIVE(DRESIDUAL)), SPOILT(BEHIND(DRESIDUAL, X, 0)),
          "dresidual: bytes from 0 of its buffer are also those of x, from 0"),
    WRONG(BATCH, NORM_SUMS, WITH(GIVE(DRESIDUAL)), SPOILT(BEHIND(DRESIDUAL, X, 0)),
          "dresidual: bytes from 0 of its buffer are also those of x, from 0"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(BEHIND(DWEIGHT, DBIAS, 0)),
          "dweight: bytes from 44 of its buffer are also those of dbias, from 44"),
    WRONG(BATCH, BACKWARD, NONE, SPOILT(BEHIND(DWEIGHT, WEIGHT, 0)),
          "dweight: bytes from 32 of its buffer are also those of weight, from 32"),
    WRONG(BATCH, BACKWARD, WITH(GIVE(SUMS)), SPOILT(BEHIND(SUMS, DX, 0)),
          "dx: bytes from 48 of its buffer are also those of sums, from 48"),
    WRONG(BATCH, NORM_MOMENTS, NONE, SPOILT(BEHIND(MOMENTS, X, 0)),
          "moments: bytes from 0 of its buffer are also those of x, from 0"),
    WRONG(BATCH, NORM_SUMS, NONE, SPOILT(BEHIND(SUMS, STATISTICS, 0)),
          "sums: bytes from 48 of its buffer are also those of statistics, from 48"),
    WRONG(BATCH, MERGE_MOMENTS, NONE, SPOILT(BEHIND(MERGED, ALL, 0)),
          "merged: bytes from 60 of its buffer are also those of all, from 60"),
};
const size_t mistake_count = sizeof mistakes / sizeof *mistakes;

struct mistake oddities[] = {
    RIGHT("y is x", BATCH, FORWARD, WITH(BEHIND(Y, X, 0))),
    RIGHT("y is residual", BATCH, FORWARD, WITH(GIVE(RESIDUAL), BEHIND(Y, RESIDUAL, 0))),
    RIGHT("y is x, h is residual", RMS, FORWARD,
          WITH(GIVE(RESIDUAL), GIVE(H), BEHIND(Y, X, 0), BEHIND(H, RESIDUAL, 0))),
    RIGHT("y is residual, h is x", LAYER, FORWARD,
          WITH(GIVE(RESIDUAL), GIVE(H), BEHIND(Y, RESIDUAL, 0), BEHIND(H, X, 0))),
    RIGHT("residual is x", LAYER, FORWARD, WITH(GIVE(RESIDUAL), BEHIND(RESIDUAL, X, 0))),
    RIGHT("dx is x", BATCH, BACKWARD, WITH(BEHIND(DX, X, 0))),
    RIGHT("dx is dy", BATCH, BACKWARD, WITH(BEHIND(DX, DY, 0))),
    RIGHT("dx is dh", BATCH, BACKWARD, WITH(GIVE(DH), BEHIND(DX, DH, 0))),
    RIGHT("dx is residual, dresidual is dy", BATCH, BACKWARD,
          WITH(RELU, GIVE(RESIDUAL), GIVE(DRESIDUAL), BEHIND(DX, RESIDUAL, 0), BEHIND(DRESIDUAL, DY, 0))),
    RIGHT("dresidual is residual", BATCH, BACKWARD,
          WITH(RELU, GIVE(RESIDUAL), GIVE(DRESIDUAL), BEHIND(DRESIDUAL, RESIDUAL, 0))),
    RIGHT("dresidual without residual", BATCH, BACKWARD, WITH(RELU, GIVE(DRESIDUAL))),
    RIGHT("bias of nothing, no activation", BATCH, BACKWARD, WITH(GIVE(BIAS), COUNT(BIAS, 1), TYPE(BIAS, VKN_I64))),
    RIGHT("residual of nothing, no activation", BATCH, BACKWARD, WITH(GIVE(RESIDUAL), DIMENSION(RESIDUAL, 1, 1))),
    RIGHT("dx of nothing, sums", BATCH, NORM_SUMS, WITH(GIVE(DX), DIMENSION(DX, 0, 1))),
    RIGHT("dh of nothing, sums", BATCH, NORM_SUMS, WITH(GIVE(DH), TYPE(DH, VKN_I64))),
    RIGHT("moments of others for one value", BATCH, FORWARD, WITH(GIVE(MOMENTS), MATRIX(1, 6))),
    RIGHT("moments for group norm", GROUP, FORWARD, WITH(GIVE(MOMENTS))),
    RIGHT("dweight of nothing, sums given", BATCH, BACKWARD, WITH(GIVE(SUMS), COUNT(DWEIGHT, 1))),
    RIGHT("sums for rms norm", RMS, BACKWARD, WITH(GIVE(SUMS))),
};
const size_t oddity_count = sizeof oddities / sizeof *oddities;
