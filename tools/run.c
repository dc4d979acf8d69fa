// SPDX-License-Identifier: MIT
// `vknorm run`: normalizations on real tensors.
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vknorm/vknorm.h>

#include "case_tensors.h"
#include "cases.h"
#include "device.h"
#include "safetensors.h"

static vkn_result record_forward(vkn_recorder *recorder, const case_tensors *tensors) {
    const case_tensor *slots = tensors->slots;
    const vkn_forward_args args = {
        .x = slots[SLOT_X].tensor,
        .y = slots[SLOT_Y].tensor,
        .weight = slots[SLOT_WEIGHT].tensor,
        .bias = slots[SLOT_BIAS].tensor,
        .residual = slots[SLOT_RESIDUAL].tensor,
        .h = slots[SLOT_H].tensor,
        .statistics = slots[SLOT_STATISTICS].tensor,
        .running_mean = slots[SLOT_RUNNING_MEAN].tensor,
        .running_var = slots[SLOT_RUNNING_VAR].tensor,
        .num_batches_tracked = slots[SLOT_NUM_BATCHES_TRACKED].tensor,
        .momentum = tensors->item->momentum,
        .training = tensors->item->training,
        .biased_running_var = tensors->item->biased_running_var,
    };
    return vkn_norm_forward(recorder, &tensors->item->norm, &args);
}

static vkn_result record_backward(vkn_recorder *recorder, const case_tensors *tensors) {
    const case_tensor *slots = tensors->slots;
    const bool frozen = case_tensors_frozen(tensors);
    const bool before = tensors->item->residual_before;
    const vkn_tensor absent = {0};
    const vkn_backward_args args = {
        .x = slots[before ? SLOT_H : SLOT_X].tensor,
        .dy = slots[SLOT_DY].tensor,
        .residual = before ? absent : slots[SLOT_RESIDUAL].tensor,
        .weight = slots[SLOT_WEIGHT].tensor,
        .bias = slots[SLOT_BIAS].tensor,
        .statistics = slots[SLOT_STATISTICS].tensor,
        .running_mean = frozen ? slots[SLOT_RUNNING_MEAN].tensor : absent,
        .running_var = frozen ? slots[SLOT_RUNNING_VAR].tensor : absent,
        .dh = slots[SLOT_DH].tensor,
        .dx = slots[SLOT_DX].tensor,
        .dresidual = slots[SLOT_DRESIDUAL].tensor,
        .dweight = slots[SLOT_DWEIGHT].tensor,
        .dbias = slots[SLOT_DBIAS].tensor,
        .training = tensors->item->training,
    };
    return vkn_norm_backward(recorder, &tensors->item->norm, &args);
}

static vkn_result compute(vkn_recorder *recorder, const case_tensors *tensors) {
    vkn_result result = vkn_recorder_begin(recorder, VK_NULL_HANDLE);
    if (result == VKN_OK) {
        result = record_forward(recorder, tensors);
    }
    if (result == VKN_OK && tensors->item->backward) {
        result = vkn_recorder_barrier(recorder);
        if (result == VKN_OK) {
            result = record_backward(recorder, tensors);
        }
    }
    return result == VKN_OK ? vkn_recorder_submit_and_wait(recorder) : result;
}

static int run_case(vkn_recorder *recorder, const norm_case *item, const vkn_safetensors *file, outputs *out) {
    case_tensors tensors;
    int code = case_tensors_create(vkn_recorder_context(recorder), item, file, &tensors);
    if (code == COMMAND_OK && compute(recorder, &tensors) != VKN_OK) {
        code = command_fail("case %.80s: %s", item->name, vkn_error_message());
    }
    if (code == COMMAND_OK) {
        code = case_tensors_download(&tensors, out);
    }
    case_tensors_destroy(&tensors);
    return code;
}

static int run_cases(const char *device, const case_list *cases, const vkn_safetensors *file, outputs *out) {
    const vkn_context_info info = {.device = device, .log = device_log};
    const bool progress = isatty(STDERR_FILENO) && cases->count > 1;
    vkn_context *context = NULL;
    vkn_recorder *recorder = NULL;
    int code = COMMAND_OK;
    if (vkn_context_create(&info, &context) != VKN_OK || vkn_recorder_create(context, &recorder) != VKN_OK) {
        code = command_fail("%s", vkn_error_message());
    }
    for (size_t i = 0; code == COMMAND_OK && i < cases->count; i++) {
        if (progress) {
            fprintf(stderr, "\r\033[K%zu of %zu: %.60s", i + 1, cases->count, cases->items[i].name);
        }
        code = run_case(recorder, &cases->items[i], file, out);
    }
    if (progress && code == COMMAND_OK) {
        fputs("\r\033[K", stderr);
    }
    vkn_recorder_destroy(recorder);
    vkn_context_destroy(context);
    return code;
}

static int run_run(const command *self, int argc, char **argv) {
    const char *device = NULL;
    const char *operands[3];
    const command_option options[] = {{.name = "--device", .value = &device}};
    int code = command_parse(self, argc, argv, options, 1, operands, 3);
    if (code != COMMAND_OK) {
        return code;
    }
    case_list cases = {0};
    vkn_safetensors file = {0};
    vkn_safetensors_error error;
    outputs out = {0};
    code = cases_load(operands[0], &cases);
    if (code == COMMAND_OK && vkn_safetensors_load(operands[1], &file, &error) != VKN_OK) {
        code = command_fail("%s: %s", operands[1], error.text);
    }
    if (code == COMMAND_OK) {
        code = case_tensors_check_file(&cases, &file, operands[1]);
    }
    if (code == COMMAND_OK) {
        code = run_cases(device, &cases, &file, &out);
    }
    if (code == COMMAND_OK && vkn_safetensors_save(operands[2], out.tensors, out.count, &error) != VKN_OK) {
        code = command_fail("%s: %s", operands[2], error.text);
    }
    outputs_free(&out);
    vkn_safetensors_free(&file);
    cases_free(&cases);
    return code;
}

const command command_run = {
    .name = "run",
    .synopsis = "CASES.json IN.safetensors OUT.safetensors [--device D]",
    .summary = "run normalizations on real tensors",
    .details =
        "  CASES.json        an array of cases, with the keys below (defaults in brackets)\n"
        "  IN.safetensors    their inputs, named <case>.<tensor>: x; optional weight, bias, running_mean, "
        "running_var,\n"
        "                    num_batches_tracked (I64), residual; backward: dy, and with residual_before optional dh\n"
        "  OUT.safetensors   what they compute, written only when every case succeeded: y; h with residual_before; "
        "mean\n"
        "                    and rstd where they come from x; the running tensors after the step; backward also dx, "
        "and\n"
        "                    dweight, dbias and dresidual where weight, bias and residual are given\n"
        "  --device D        index or part of a name, as `vknorm devices` shows them\n\n"
        "  name                unique\n"
        "  norm                batch, instance, group, layer, rms\n"
        "  pass                forward, backward (which runs the forward first) [forward]\n"
        "  mode                train, eval [train]\n"
        "  groups              group only, and needed there\n"
        "  normalized_rank     layer and rms: how many trailing dimensions are normalized [1]\n"
        "  eps, momentum       [1e-5]; number or \"cumulative\" [0.1]\n"
        "  layout              channels_first, channels_last: files store N,C,... or N,...,C [channels_first]\n"
        "  activation          none, relu, silu: of norm(x), and of the residual added to it [none]\n"
        "  residual_before     false: y = act(norm(x) + residual)\n"
        "                      true: h = x + residual, y = act(norm(h)); dh is what else reaches h, and dx = "
        "dresidual\n"
        "                      [false]\n"
        "  weight_offset       a number that is added to a given weight [0]\n"
        "  biased_running_var  true, false: whether running_var takes the biased variance [false]\n"
        "  save_statistics     true, false: with false there is no mean and no rstd, and backward computes them again\n"
        "                      [true]\n\n"
        "weight and bias are [C]; for layer and rms they have the normalized shape. With N in front they are per "
        "sample.\n"
        "x is F32, F16 or BF16; y, h, dx, dresidual, residual, dy and dh are as x. weight and bias are F32 or as x, "
        "all\n"
        "else is F32.\n",
    .run = run_run,
};
