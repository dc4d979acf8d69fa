// SPDX-License-Identifier: MIT
#include "bench_work.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGNMENT = 256, MAX_SETS = 32, CACHES = 4, STATISTICS_COUNT = 4 };

// How many bytes are handed out of each buffer: of x and what is as x, of one set; of parameters, of all.
typedef struct bench_layout {
    uint64_t set, parameters;
} bench_layout;

static uint64_t take(uint64_t *cursor, uint64_t bytes) {
    const uint64_t offset = *cursor;
    *cursor += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return offset;
}

static vkn_tensor take_floats(uint64_t *cursor, uint64_t count) {
    const uint64_t offset = take(cursor, count * sizeof(float));
    // Of all but what is as x only the number of elements counts, and as two sizes it can be large.
    const uint32_t low = count % 4 == 0 ? 4 : 1;
    const uint32_t sizes[] = {(uint32_t)(count / low), low};
    return vkn_tensor_make(VK_NULL_HANDLE, offset, VKN_F32, VKN_CHANNELS_FIRST, 2, sizes);
}

static bench_call make_call(const suite_row *row, const suite_shape *layer, bench_layout *layout) {
    vkn_tensor x = suite_tensor(row, layer);
    const uint64_t features = vkn_norm_features(&row->norm, &x);
    const uint64_t groups = vkn_norm_groups(&row->norm, &x);
    x.offset = take(&layout->set, vkn_tensor_count(&x) * suite_dtype_bytes(row->dtype));
    uint64_t *cursor = &layout->parameters;
    const vkn_tensor absent = {0};
    const bool running = row->norm.kind == VKN_BATCH;
    const bool has_bias = row->norm.kind != VKN_RMS;
    bench_call call = {.forward = {.x = x, .y = x, .momentum = 0.1F, .training = row->training},
                       .backward = {.x = x, .dy = x, .dx = x, .training = row->training}};
    call.forward.weight = call.backward.weight = take_floats(cursor, features);
    call.forward.bias = has_bias ? take_floats(cursor, features) : absent;
    call.forward.running_mean = running ? take_floats(cursor, features) : absent;
    call.forward.running_var = running ? take_floats(cursor, features) : absent;
    call.forward.statistics = row->training ? take_floats(cursor, STATISTICS_COUNT * groups) : absent;
    call.backward.statistics = call.forward.statistics;
    call.backward.running_mean = row->training ? absent : call.forward.running_mean;
    call.backward.running_var = row->training ? absent : call.forward.running_var;
    call.backward.dweight = take_floats(cursor, features);
    call.backward.dbias = has_bias ? take_floats(cursor, features) : absent;
    return call;
}

static vkn_result refuse(bench_work *self, vkn_result result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->reason, sizeof self->reason, format, arguments);
    va_end(arguments);
    return result;
}

static vkn_result make_calls(bench_work *self, bench_layout *layout) {
    uint32_t layer_count;
    const suite_shape *layers = suite_row_layers(self->row, &layer_count);
    self->calls = calloc(suite_row_calls(self->row), sizeof *self->calls);
    if (!self->calls) {
        return refuse(self, VKN_OUT_OF_MEMORY, "out of host memory");
    }
    for (uint32_t i = 0; i < layer_count; i++) {
        for (uint32_t n = 0; n < suite_layer_times(self->row, &layers[i]); n++) {
            self->calls[self->count++] = make_call(self->row, &layers[i], layout);
        }
    }
    return VKN_OK;
}

// As many sets as are more than the cache can hold, and at least one.
static vkn_result choose_sets(bench_work *self, const bench_device *device, const bench_layout *layout,
                              uint64_t limit) {
    const uint64_t set = layout->set * (self->row->pass == SUITE_BACKWARD ? 3 : 2);
    if (layout->parameters + set > limit) {
        return refuse(self, VKN_OUT_OF_MEMORY, "needs %" PRIu64 " bytes of device memory, the limit is %" PRIu64,
                      layout->parameters + set, limit);
    }
    self->sets = 1;
    while (self->sets < MAX_SETS && self->sets * set <= CACHES * device->cache &&
           layout->parameters + (self->sets + 1) * set <= limit) {
        self->sets++;
    }
    self->set_bytes = layout->set;
    self->cached = self->sets * set <= device->cache;
    return VKN_OK;
}

static void place_call(bench_call *call, const bench_memory *memory) {
    vkn_forward_args *forward = &call->forward;
    vkn_backward_args *backward = &call->backward;
    const struct {
        vkn_tensor *tensor;
        bench_place place;
    } tensors[] = {
        {&forward->x, BENCH_X},
        {&forward->y, BENCH_OUT},
        {&forward->weight, BENCH_PARAMETERS},
        {&forward->bias, BENCH_PARAMETERS},
        {&forward->statistics, BENCH_PARAMETERS},
        {&forward->running_mean, BENCH_PARAMETERS},
        {&forward->running_var, BENCH_PARAMETERS},
        {&backward->x, BENCH_X},
        {&backward->dy, BENCH_DY},
        {&backward->dx, BENCH_OUT},
        {&backward->weight, BENCH_PARAMETERS},
        {&backward->statistics, BENCH_PARAMETERS},
        {&backward->running_mean, BENCH_PARAMETERS},
        {&backward->running_var, BENCH_PARAMETERS},
        {&backward->dweight, BENCH_PARAMETERS},
        {&backward->dbias, BENCH_PARAMETERS},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        if (tensors[i].tensor->rank > 0 && memory->buffers[tensors[i].place]) { // else it is absent, or not used
            tensors[i].tensor->buffer = vkn_buffer_handle(memory->buffers[tensors[i].place]);
            tensors[i].tensor->texels = vkn_buffer_texels(memory->buffers[tensors[i].place]);
        }
    }
}

static vkn_result get_buffers(bench_work *self, bench_memory *memory, const bench_layout *layout, uint64_t limit) {
    const uint64_t data = self->sets * layout->set;
    const uint64_t bytes[BENCH_PLACE_COUNT] = {[BENCH_X] = data,
                                               [BENCH_DY] = self->row->pass == SUITE_BACKWARD ? data : 0,
                                               [BENCH_OUT] = data,
                                               [BENCH_PARAMETERS] = layout->parameters};
    const vkn_dtype dtypes[BENCH_PLACE_COUNT] = {[BENCH_X] = self->row->dtype, [BENCH_DY] = self->row->dtype};
    bench_memory_trim(memory, bytes, limit);
    for (uint32_t i = 0; i < BENCH_PLACE_COUNT; i++) {
        const vkn_result result = bytes[i] > 0 ? bench_memory_get(memory, (bench_place)i, bytes[i], dtypes[i]) : VKN_OK;
        if (result != VKN_OK) {
            return result;
        }
    }
    for (uint32_t i = 0; i < self->count; i++) {
        place_call(&self->calls[i], memory);
    }
    return VKN_OK;
}

static vkn_result record_forward(const bench_work *self, vkn_recorder *recorder, uint64_t offset) {
    vkn_result result = VKN_OK;
    for (uint32_t i = 0; result == VKN_OK && i < self->count; i++) {
        vkn_forward_args args = self->calls[i].forward;
        args.x.offset += offset;
        args.y.offset += offset;
        result = i > 0 ? vkn_recorder_barrier(recorder) : VKN_OK;
        if (result == VKN_OK) {
            result = vkn_norm_forward(recorder, &self->row->norm, &args);
        }
    }
    return result;
}

// From the last layer to the first.
static vkn_result record_backward(const bench_work *self, vkn_recorder *recorder, uint64_t offset) {
    vkn_result result = VKN_OK;
    for (uint32_t i = self->count; result == VKN_OK && i-- > 0;) {
        vkn_backward_args args = self->calls[i].backward;
        args.x.offset += offset;
        args.dy.offset += offset;
        args.dx.offset += offset;
        result = i + 1 < self->count ? vkn_recorder_barrier(recorder) : VKN_OK;
        if (result == VKN_OK) {
            result = vkn_norm_backward(recorder, &self->row->norm, &args);
        }
    }
    return result;
}

vkn_result bench_work_record(void *user, vkn_recorder *recorder, uint64_t turn) {
    const bench_work *self = user;
    const uint64_t offset = turn % self->sets * self->set_bytes;
    if (self->row->pass == SUITE_FORWARD) {
        return record_forward(self, recorder, offset);
    }
    vkn_result result = VKN_OK;
    if (self->row->layers) {
        result = record_forward(self, recorder, offset);
        result = result == VKN_OK ? vkn_recorder_barrier(recorder) : result;
    }
    return result == VKN_OK ? record_backward(self, recorder, offset) : result;
}

// Backward reads what forward has saved.
static vkn_result save_statistics(const bench_work *self, const bench_device *device) {
    vkn_result result = vkn_recorder_begin(device->recorder, VK_NULL_HANDLE);
    if (result == VKN_OK) {
        result = record_forward(self, device->recorder, 0);
    }
    return result == VKN_OK ? vkn_recorder_submit_and_wait(device->recorder) : result;
}

vkn_result bench_work_create(bench_memory *memory, const suite_row *row, uint64_t limit, bench_work *out) {
    *out = (bench_work){.row = row};
    bench_layout layout = {0};
    vkn_result result = make_calls(out, &layout);
    if (result == VKN_OK) {
        result = choose_sets(out, memory->device, &layout, limit);
    }
    if (result != VKN_OK) {
        return result;
    }
    result = get_buffers(out, memory, &layout, limit);
    if (result == VKN_OK && row->pass == SUITE_BACKWARD && row->training) {
        result = save_statistics(out, memory->device);
    }
    return result == VKN_OK ? VKN_OK : refuse(out, result, "%s", vkn_error_message());
}

void bench_work_destroy(bench_work *self) {
    free(self->calls);
    *self = (bench_work){0};
}
