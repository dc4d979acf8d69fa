// SPDX-License-Identifier: MIT
// First the calls of f32 with nothing but weight and bias, for every case: each set of optional arguments. Then the
// rest, in turns: dtypes, activations, residuals, weights per sample, and what may be in place. They are few
// combinations of what makes other pipelines (dtypes, activation, residual), because building those is what the tests
// spend their time on.
#include "norm_case.h"

#define AFFINE (PASS_WEIGHT | PASS_BIAS)
#define GRADIENTS (PASS_DX | PASS_DWEIGHT | PASS_DBIAS)
#define FORWARD (PASS_TRAINING | AFFINE | PASS_STATISTICS)
#define FORWARD_EVAL (AFFINE | PASS_STATISTICS)
#define BACKWARD_READS (PASS_BACKWARD | PASS_TRAINING | PASS_WEIGHT | PASS_STATISTICS)
#define BACKWARD (BACKWARD_READS | GRADIENTS)
#define BACKWARD_AGAIN (BACKWARD & ~PASS_STATISTICS)
#define FROZEN (PASS_BACKWARD | PASS_RUNNING | PASS_WEIGHT)
// With an activation backward needs bias and residual.
#define ACTIVE PASS_BIAS
#define AFTER (PASS_BIAS | PASS_ADD_AFTER)
#define AFTER_GRAD (AFTER | PASS_DRESIDUAL)
#define TURNS PASS_TURNS

const struct norm_pass norm_passes[] = {
    {"forward", FORWARD | PASS_RUNNING | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"forward, nothing optional", PASS_TRAINING, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"forward, weight only", PASS_TRAINING | PASS_WEIGHT | PASS_STATISTICS, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"forward, bias only, in place, 1 + no weight", PASS_TRAINING | PASS_BIAS | PASS_OVER_X, VKN_F32, VKN_NO_ACTIVATION,
     1, 0},
    {"forward, in place", FORWARD | PASS_OVER_X | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"forward, cumulative", FORWARD | PASS_RUNNING | PASS_CUMULATIVE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"forward, eval", FORWARD_EVAL, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"forward, eval, running", FORWARD_EVAL | PASS_RUNNING | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"forward, eval, running, in place", PASS_RUNNING | PASS_OVER_X, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward", BACKWARD | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, dx over dy", BACKWARD | PASS_OVER_DY, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, dx over x", BACKWARD | PASS_OVER_X | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, statistics again", BACKWARD_AGAIN | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, eval", BACKWARD & ~PASS_TRAINING, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, accumulate", BACKWARD | PASS_ACCUMULATE | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, accumulate weight", BACKWARD_READS | PASS_DWEIGHT | PASS_ACCUMULATE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, 1 + no weight", BACKWARD & ~PASS_WEIGHT, VKN_F32, VKN_NO_ACTIVATION, 1, 0},
    {"backward, dx", BACKWARD_READS | PASS_DX | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, dweight", BACKWARD_READS | PASS_DWEIGHT, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, dbias", BACKWARD_READS | PASS_DBIAS, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, dweight and dbias", BACKWARD & ~PASS_DX, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, dx and dweight", BACKWARD & ~PASS_DBIAS, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, dx and dbias", BACKWARD & ~PASS_DWEIGHT, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, frozen", FROZEN | GRADIENTS | PASS_LARGE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
    {"backward, frozen, dx over dy", (FROZEN & ~PASS_WEIGHT) | PASS_DX | PASS_OVER_DY, VKN_F32, VKN_NO_ACTIVATION, 0,
     0},
    {"backward, frozen, accumulate", FROZEN | GRADIENTS | PASS_ACCUMULATE, VKN_F32, VKN_NO_ACTIVATION, 0, 0},

    {"forward, f16", FORWARD | PASS_RUNNING | PASS_LARGE | TURNS, VKN_F16, VKN_NO_ACTIVATION, 0, 0},
    {"forward, f16, infinite y", FORWARD | TURNS, VKN_F16, VKN_NO_ACTIVATION, 0, 3e4f},
    {"forward, f16, subnormal y", PASS_TRAINING | PASS_WEIGHT | TURNS, VKN_F16, VKN_NO_ACTIVATION, 0, 1e-6f},
    {"forward, bf16, in place", FORWARD | PASS_OVER_X | TURNS, VKN_BF16, VKN_NO_ACTIVATION, 0, 0},
    {"forward, bf16 weights, silu, after", FORWARD | PASS_ADD_AFTER | PASS_AS_X | TURNS, VKN_BF16, VKN_SILU, 0, 0},
    {"forward, relu, after, y over residual", FORWARD | PASS_ADD_AFTER | PASS_OVER_RESIDUAL | PASS_LARGE | TURNS,
     VKN_F32, VKN_RELU, 0, 0},
    {"forward, silu, before", FORWARD | PASS_ADD_BEFORE | PASS_LARGE | TURNS, VKN_F32, VKN_SILU, 0, 0},
    {"forward, silu, before, y over residual, h over x",
     FORWARD | PASS_ADD_BEFORE | PASS_OVER_RESIDUAL | PASS_H_OVER_X | TURNS, VKN_F32, VKN_SILU, 0, 0},
    {"forward, f16 weights, relu, before, h over x", FORWARD | PASS_ADD_BEFORE | PASS_H_OVER_X | PASS_AS_X | TURNS,
     VKN_F16, VKN_RELU, 0, 0},
    {"forward, f16 weights, relu, before, per sample",
     (FORWARD & ~PASS_STATISTICS) | PASS_ADD_BEFORE | PASS_PER_SAMPLE | PASS_AS_X | TURNS, VKN_F16, VKN_RELU, 0, 0},
    {"forward, bf16, before, y over x, h over residual",
     FORWARD | PASS_ADD_BEFORE | PASS_OVER_X | PASS_H_OVER_RESIDUAL | TURNS, VKN_BF16, VKN_NO_ACTIVATION, 0, 0},
    {"forward, bf16, before, per sample, biased",
     FORWARD | PASS_RUNNING | PASS_BIASED | PASS_ADD_BEFORE | PASS_PER_SAMPLE | TURNS, VKN_BF16, VKN_NO_ACTIVATION, 0,
     0},
    {"forward, silu, per sample, 1 + weight", FORWARD | PASS_PER_SAMPLE | PASS_LARGE | TURNS, VKN_F32, VKN_SILU, 1, 0},
    {"forward, silu, 1 + weight, biased", FORWARD | PASS_RUNNING | PASS_BIASED | TURNS, VKN_F32, VKN_SILU, 1, 0},
    {"forward, eval, running, f16, relu, after",
     FORWARD_EVAL | PASS_RUNNING | PASS_ADD_AFTER | PASS_OVER_RESIDUAL | TURNS, VKN_F16, VKN_RELU, 0, 0},
    {"forward, eval, running, bf16, before, per sample",
     FORWARD_EVAL | PASS_RUNNING | PASS_ADD_BEFORE | PASS_PER_SAMPLE | TURNS, VKN_BF16, VKN_NO_ACTIVATION, 1, 0},

    {"backward, f16", BACKWARD | PASS_LARGE | TURNS, VKN_F16, VKN_NO_ACTIVATION, 0, 0},
    {"backward, bf16, statistics again, dh, dx over dy", BACKWARD_AGAIN | PASS_DH | PASS_OVER_DY | TURNS, VKN_BF16,
     VKN_NO_ACTIVATION, 0, 0},
    {"backward, relu, after", BACKWARD | AFTER_GRAD | PASS_LARGE | TURNS, VKN_F32, VKN_RELU, 0, 0},
    {"backward, relu, dresidual alone", ((BACKWARD_READS | AFTER_GRAD) & ~PASS_STATISTICS) | TURNS, VKN_F32, VKN_RELU,
     0, 0},
    {"backward, f16 weights, silu, after, dx over x", BACKWARD | AFTER_GRAD | PASS_OVER_X | PASS_AS_X | TURNS, VKN_F16,
     VKN_SILU, 0, 0},
    {"backward, f16 weights, silu, dresidual over dy, dx over residual",
     BACKWARD | AFTER_GRAD | PASS_DRESIDUAL_OVER_DY | PASS_OVER_RESIDUAL | PASS_AS_X | TURNS, VKN_F16, VKN_SILU, 0, 0},
    {"backward, f16 weights, silu, after, per sample, accumulate",
     BACKWARD | AFTER_GRAD | PASS_PER_SAMPLE | PASS_AS_X | PASS_ACCUMULATE | TURNS, VKN_F16, VKN_SILU, 0, 0},
    {"backward, bf16 weights, relu, dresidual over residual, dx over dy",
     BACKWARD | AFTER_GRAD | PASS_DRESIDUAL_OVER_RESIDUAL | PASS_OVER_DY | PASS_AS_X | TURNS, VKN_BF16, VKN_RELU, 0, 0},
    {"backward, dh, dx over dh", BACKWARD | PASS_DH | PASS_OVER_DH | PASS_LARGE | TURNS, VKN_F32, VKN_NO_ACTIVATION, 0,
     0},
    {"backward, f16, silu, dh", BACKWARD | ACTIVE | PASS_DH | TURNS, VKN_F16, VKN_SILU, 0, 0},
    {"backward, silu, per sample, 1 + weight", BACKWARD | ACTIVE | PASS_PER_SAMPLE | PASS_LARGE | TURNS, VKN_F32,
     VKN_SILU, 1, 0},
    {"backward, silu, again, after, 1 + weight", BACKWARD_AGAIN | AFTER | TURNS, VKN_F32, VKN_SILU, 1, 0},
    {"backward, f16, dresidual is dy", BACKWARD | PASS_DRESIDUAL | TURNS, VKN_F16, VKN_NO_ACTIVATION, 0, 0},
    {"backward, frozen, relu, dresidual over dy", FROZEN | GRADIENTS | AFTER_GRAD | PASS_DRESIDUAL_OVER_DY | TURNS,
     VKN_F32, VKN_RELU, 0, 0},
    {"backward, frozen, f16 weights, silu, per sample, dx over residual",
     FROZEN | GRADIENTS | AFTER_GRAD | PASS_PER_SAMPLE | PASS_AS_X | PASS_OVER_RESIDUAL | TURNS, VKN_F16, VKN_SILU, 1,
     0},
    {"backward, frozen, bf16, dh", FROZEN | PASS_DX | PASS_DH | TURNS, VKN_BF16, VKN_NO_ACTIVATION, 0, 0},
};
const size_t norm_pass_count = sizeof norm_passes / sizeof *norm_passes;
