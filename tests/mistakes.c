// SPDX-License-Identifier: MIT
#include "mistakes.h"

#include <math.h>

struct spare spare;

static void drop(vkn_tensor *t) {
    *t = (vkn_tensor){0};
}

// ---- The norm itself ----
static void kind_none(struct call *c) {
    c->norm.kind = 0;
}
static void kind_unknown(struct call *c) {
    c->norm.kind = 17;
}
static void eps_negative(struct call *c) {
    c->norm.eps = -1e-5f;
}
static void eps_nan(struct call *c) {
    c->norm.eps = NAN;
}
static void eps_infinite(struct call *c) {
    c->norm.eps = INFINITY;
}
static void groups_zero(struct call *c) {
    c->norm.groups = 0;
}
static void groups_no_divisor(struct call *c) {
    c->norm.groups = 4;
}
static void normalized_rank_zero(struct call *c) {
    c->norm.normalized_rank = 0;
}
static void normalized_rank_large(struct call *c) {
    c->norm.normalized_rank = 4;
}

// ---- x and y ----
static void x_absent(struct call *c) {
    drop(&c->f.x);
    drop(&c->b.x);
}
static void y_absent(struct call *c) {
    drop(&c->f.y);
}
static void dy_absent(struct call *c) {
    drop(&c->b.dy);
}
static void reshape(struct call *c, uint32_t rank, uint32_t n, uint32_t ch, uint32_t s) {
    vkn_tensor *all[] = {&c->f.x, &c->f.y, &c->b.x, &c->b.dy, &c->b.dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        all[i]->rank = rank;
        all[i]->shape[0] = n, all[i]->shape[1] = ch, all[i]->shape[2] = s;
    }
}
static void rank_zero(struct call *c) {
    reshape(c, 0, 1, 1, 1);
}
static void rank_one(struct call *c) {
    reshape(c, 1, SAMPLES, 1, 1);
}
static void rank_seven(struct call *c) {
    reshape(c, 7, 1, CHANNELS, 1);
}
static void one_value(struct call *c) {
    reshape(c, 2, 1, CHANNELS, 1);
}
static void one_value_eval(struct call *c) {
    one_value(c);
    c->f.training = false;
    drop(&c->f.running_mean);
    drop(&c->f.running_var);
}
static void one_element(struct call *c) {
    reshape(c, 3, SAMPLES, CHANNELS, 1);
}
static void dtype_half(struct call *c) {
    c->f.x.dtype = VKN_F16;
}
static void dtype_of_y(struct call *c) {
    c->f.y.dtype = VKN_F16;
}
static void layout_unknown(struct call *c) {
    c->f.x.layout = c->f.y.layout = 5;
}
static void layout_of_y(struct call *c) {
    c->f.y.layout = VKN_CHANNELS_LAST;
}
static void shape_of_y(struct call *c) {
    c->f.y.shape[2] = SPACE - 1;
}
static void rank_of_y(struct call *c) {
    c->f.y.rank = 2;
}
static void offset_of_x(struct call *c) {
    c->f.x.offset += 2;
}
static void offset_of_weight(struct call *c) {
    c->f.weight.offset += 1;
}
static void offset_of_dy(struct call *c) {
    c->b.dy.offset += 3;
}
static void shape_of_dy(struct call *c) {
    c->b.dy.shape[0] = SAMPLES - 1;
}
static void shape_of_dx(struct call *c) {
    c->b.dx.shape[1] = CHANNELS - 1;
}
static void no_64_bits(struct call *c) {
    reshape(c, 6, 0xffffffff, 0xffffffff, 0xffffffff);
    for (int d = 3; d < 6; d++)
        c->f.x.shape[d] = c->f.y.shape[d] = 2;
}

// ---- Sizes of the others ----
static void weight_short(struct call *c) {
    c->f.weight.shape[0] = c->b.weight.shape[0] = CHANNELS - 1;
}
static void bias_long(struct call *c) {
    c->f.bias.shape[0] = CHANNELS + 1;
}
static void weight_dtype(struct call *c) {
    c->f.weight.dtype = VKN_F16;
}
static void mean_short(struct call *c) {
    c->f.mean.shape[0] = c->b.mean.shape[0] = 1;
}
static void rstd_long(struct call *c) {
    c->f.rstd.shape[0] = c->b.rstd.shape[0] = 1000;
}
static void running_mean_short(struct call *c) {
    c->f.running_mean.shape[0] = CHANNELS - 1;
}
static void running_var_short(struct call *c) {
    c->f.running_var.shape[0] = CHANNELS - 1;
}
static void counter_dtype(struct call *c) {
    c->f.num_batches_tracked.dtype = VKN_F32;
}
static void counter_two(struct call *c) {
    c->f.num_batches_tracked.shape[0] = 2;
}
static void dweight_short(struct call *c) {
    c->b.dweight.shape[0] = CHANNELS - 1;
}
static void dbias_long(struct call *c) {
    c->b.dbias.shape[0] = CHANNELS + 1;
}

// ---- What goes together ----
static void running_mean_alone(struct call *c) {
    drop(&c->f.running_var);
}
static void running_var_alone(struct call *c) {
    drop(&c->f.running_mean);
}
static void running_mean_alone_eval(struct call *c) {
    c->f.training = false;
    drop(&c->f.running_var);
}
static void running_var_alone_eval(struct call *c) {
    c->f.training = false;
    drop(&c->f.running_mean);
}
static void running_var_alone_backward(struct call *c) {
    c->b.training = false;
    c->b.running_var = spare.running_var;
}
static void running_given(struct call *c) {
    c->f.running_mean = c->b.running_mean = spare.running_mean;
    c->f.running_var = c->b.running_var = spare.running_var;
}
static void momentum_large(struct call *c) {
    c->f.momentum = 1.5f;
}
static void momentum_negative(struct call *c) {
    c->f.momentum = -0.5f;
}
static void momentum_nan(struct call *c) {
    c->f.momentum = NAN;
}
static void cumulative_uncounted(struct call *c) {
    c->f.momentum = VKN_MOMENTUM_CUMULATIVE;
    drop(&c->f.num_batches_tracked);
}
static void rms_bias(struct call *c) {
    c->f.bias = spare.bias;
}
static void rms_mean(struct call *c) {
    c->f.mean = spare.mean;
}
static void rms_mean_backward(struct call *c) {
    c->b.mean = spare.mean;
}

// ---- Overlap ----
static void y_over_x_by_one(struct call *c) {
    c->f.y.buffer = c->f.x.buffer;
    c->f.y.offset = c->f.x.offset + 4;
}
static void mean_is_rstd(struct call *c) {
    c->f.mean = c->f.rstd;
}
static void y_over_weight(struct call *c) {
    c->f.weight.buffer = c->f.y.buffer;
    c->f.weight.offset = c->f.y.offset;
}
static void dx_over_dy_by_one(struct call *c) {
    c->b.dx.buffer = c->b.dy.buffer;
    c->b.dx.offset = c->b.dy.offset + 4;
}
static void dweight_is_dbias(struct call *c) {
    c->b.dweight = c->b.dbias;
}
static void dweight_over_weight(struct call *c) {
    c->b.dweight = c->b.weight;
}

struct mistake mistakes[] = {
    {"kind 0", VKN_BATCH, false, kind_none, "kind: 0", VKN_BAD_ARGUMENT},
    {"kind 17", VKN_BATCH, true, kind_unknown, "kind: 17", VKN_BAD_ARGUMENT},
    {"eps below 0", VKN_BATCH, false, eps_negative, "eps: -1e-05", VKN_BAD_ARGUMENT},
    {"eps NaN", VKN_LAYER, false, eps_nan, "eps: ", VKN_BAD_ARGUMENT},
    {"eps infinite", VKN_RMS, true, eps_infinite, "eps: inf", VKN_BAD_ARGUMENT},
    {"groups 0", VKN_GROUP, false, groups_zero, "groups: 0", VKN_BAD_ARGUMENT},
    {"groups no divisor", VKN_GROUP, false, groups_no_divisor,
     "Expected number of channels in input to be divisible by num_groups, but got input of shape [4, 6, 5] and "
     "num_groups=4",
     VKN_BAD_ARGUMENT},
    {"groups no divisor, backward", VKN_GROUP, true, groups_no_divisor, "num_groups=4", VKN_BAD_ARGUMENT},
    {"normalized_rank 0", VKN_LAYER, false, normalized_rank_zero, "normalized_rank: 0", VKN_BAD_ARGUMENT},
    {"normalized_rank 4 of 3", VKN_RMS, true, normalized_rank_large, "normalized_rank: 4, must be 1 to x's rank 3",
     VKN_BAD_ARGUMENT},
    {"x absent", VKN_BATCH, false, x_absent, "x: ", VKN_BAD_ARGUMENT},
    {"x absent, backward", VKN_BATCH, true, x_absent, "x: ", VKN_BAD_ARGUMENT},
    {"y absent", VKN_BATCH, false, y_absent, "y: ", VKN_BAD_ARGUMENT},
    {"dy absent", VKN_BATCH, true, dy_absent, "dy: ", VKN_BAD_ARGUMENT},
    {"rank 0", VKN_LAYER, false, rank_zero, "rank 0", VKN_BAD_ARGUMENT},
    {"rank 1", VKN_BATCH, false, rank_one, "got 1D input", VKN_BAD_ARGUMENT},
    {"rank 7", VKN_BATCH, false, rank_seven, "rank 7", VKN_BAD_ARGUMENT},
    {"one value", VKN_BATCH, false, one_value,
     "Expected more than 1 value per channel when training, got input size [1, 6]", VKN_BAD_ARGUMENT},
    {"one value, statistics of its own in eval", VKN_BATCH, false, one_value_eval,
     "Expected more than 1 value per channel when training, got input size [1, 6]", VKN_BAD_ARGUMENT},
    {"one element", VKN_INSTANCE, false, one_element,
     "Expected more than 1 spatial element when training, got input size [4, 6, 1]", VKN_BAD_ARGUMENT},
    {"dtype of x", VKN_BATCH, false, dtype_half, "x: dtype f16", VKN_UNSUPPORTED},
    {"dtype of y", VKN_BATCH, false, dtype_of_y, "y: dtype f16", VKN_UNSUPPORTED},
    {"layout unknown", VKN_BATCH, false, layout_unknown, "x: layout 5", VKN_BAD_ARGUMENT},
    {"layout of y", VKN_BATCH, false, layout_of_y, "layout", VKN_BAD_ARGUMENT},
    {"shape of y", VKN_BATCH, false, shape_of_y, "[4, 6, 4]", VKN_BAD_ARGUMENT},
    {"rank of y", VKN_BATCH, false, rank_of_y, "y: ", VKN_BAD_ARGUMENT},
    {"offset of x", VKN_BATCH, false, offset_of_x, "offset", VKN_BAD_ARGUMENT},
    {"offset of weight", VKN_BATCH, false, offset_of_weight, "offset", VKN_BAD_ARGUMENT},
    {"offset of dy", VKN_BATCH, true, offset_of_dy, "offset", VKN_BAD_ARGUMENT},
    {"shape of dy", VKN_BATCH, true, shape_of_dy, "[3, 6, 5]", VKN_BAD_ARGUMENT},
    {"shape of dx", VKN_BATCH, true, shape_of_dx, "[4, 5, 5]", VKN_BAD_ARGUMENT},
    {"beyond 64 bits", VKN_BATCH, false, no_64_bits, "64 bits", VKN_BAD_ARGUMENT},
    {"weight short", VKN_BATCH, false, weight_short, "weight should contain 6 elements not 5", VKN_BAD_ARGUMENT},
    {"weight short, backward", VKN_BATCH, true, weight_short, "weight should contain 6 elements not 5",
     VKN_BAD_ARGUMENT},
    {"bias long", VKN_BATCH, false, bias_long, "bias should contain 6 elements not 7", VKN_BAD_ARGUMENT},
    {"weight dtype", VKN_BATCH, false, weight_dtype, "weight: dtype f16", VKN_BAD_ARGUMENT},
    {"mean short", VKN_BATCH, false, mean_short, "mean should contain 6 elements not 1", VKN_BAD_ARGUMENT},
    {"rstd long", VKN_BATCH, true, rstd_long, "rstd should contain 6 elements not 1000", VKN_BAD_ARGUMENT},
    {"running_mean short", VKN_BATCH, false, running_mean_short, "running_mean should contain 6 elements not 5",
     VKN_BAD_ARGUMENT},
    {"running_var short", VKN_INSTANCE, false, running_var_short, "running_var should contain 6 elements not 5",
     VKN_BAD_ARGUMENT},
    {"num_batches_tracked dtype", VKN_BATCH, false, counter_dtype, "num_batches_tracked: dtype f32", VKN_BAD_ARGUMENT},
    {"num_batches_tracked of two", VKN_BATCH, false, counter_two, "num_batches_tracked", VKN_BAD_ARGUMENT},
    {"dweight short", VKN_BATCH, true, dweight_short, "dweight should contain 6 elements not 5", VKN_BAD_ARGUMENT},
    {"dbias long", VKN_BATCH, true, dbias_long, "dbias should contain 6 elements not 7", VKN_BAD_ARGUMENT},
    {"running_mean alone", VKN_BATCH, false, running_mean_alone, "running_var", VKN_BAD_ARGUMENT},
    {"running_var alone", VKN_BATCH, false, running_var_alone, "running_mean", VKN_BAD_ARGUMENT},
    {"running_mean alone, eval", VKN_BATCH, false, running_mean_alone_eval,
     "running_var must be defined in evaluation mode", VKN_BAD_ARGUMENT},
    {"running_var alone, eval", VKN_BATCH, false, running_var_alone_eval,
     "running_mean must be defined in evaluation mode", VKN_BAD_ARGUMENT},
    {"running_var alone, backward", VKN_INSTANCE, true, running_var_alone_backward,
     "running_mean must be defined in evaluation mode", VKN_BAD_ARGUMENT},
    {"group with running statistics", VKN_GROUP, false, running_given, "running_mean", VKN_BAD_ARGUMENT},
    {"layer with running statistics", VKN_LAYER, true, running_given, "running_mean", VKN_BAD_ARGUMENT},
    {"momentum above 1", VKN_BATCH, false, momentum_large, "momentum: 1.5", VKN_BAD_ARGUMENT},
    {"momentum below 0", VKN_BATCH, false, momentum_negative, "momentum: -0.5", VKN_BAD_ARGUMENT},
    {"momentum NaN", VKN_BATCH, false, momentum_nan, "momentum: ", VKN_BAD_ARGUMENT},
    {"cumulative without a counter", VKN_BATCH, false, cumulative_uncounted, "num_batches_tracked", VKN_BAD_ARGUMENT},
    {"rms with bias", VKN_RMS, false, rms_bias, "bias", VKN_BAD_ARGUMENT},
    {"rms with mean", VKN_RMS, false, rms_mean, "mean", VKN_BAD_ARGUMENT},
    {"rms with mean, backward", VKN_RMS, true, rms_mean_backward, "mean", VKN_BAD_ARGUMENT},
    {"y over x, one element on", VKN_BATCH, false, y_over_x_by_one, "are also those of", VKN_BAD_ARGUMENT},
    {"mean is rstd", VKN_BATCH, false, mean_is_rstd, "are also those of", VKN_BAD_ARGUMENT},
    {"y over weight", VKN_BATCH, false, y_over_weight, "are also those of", VKN_BAD_ARGUMENT},
    {"dx over dy, one element on", VKN_BATCH, true, dx_over_dy_by_one, "are also those of", VKN_BAD_ARGUMENT},
    {"dweight is dbias", VKN_BATCH, true, dweight_is_dbias, "are also those of", VKN_BAD_ARGUMENT},
    {"dweight is weight", VKN_BATCH, true, dweight_over_weight, "are also those of", VKN_BAD_ARGUMENT},
};
const size_t mistake_count = sizeof mistakes / sizeof *mistakes;
