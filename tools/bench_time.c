// SPDX-License-Identifier: MIT
#include "bench_time.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { MAX_RUNS = BENCH_MAX_STAMPS / 2, MAX_SAMPLES = 1 << 14, MIN_REPEATS = 10, MIN_REPEATS_CPU = 5 };
static const double submission_limit = 0.2;    // seconds of work: a driver's watchdog may wait for two
static const double submission_wanted = 0.005; // by the wall clock: waking a thread shall not count
static const double warm_time = 0.02;          // seconds of work before any that is measured

// One submission.
typedef struct bench_batch {
    uint32_t runs;
    double wall, record;    // seconds of one run
    double spans[MAX_RUNS]; // of each run by its timestamps; without those only the first, which is `wall`
} bench_batch;

// Seconds from one timestamp to another, which may have begun again at zero.
static double between(const bench_device *device, uint64_t from, uint64_t to) {
    return (double)((to - from) & device->stamp_mask) * device->stamp_seconds;
}

static vkn_result read_stamps(const bench_device *device, bench_batch *batch) {
    uint64_t stamps[BENCH_MAX_STAMPS];
    const VkResult result =
        device->vk.vkGetQueryPoolResults(device->handle, device->stamps, 0, 2 * batch->runs, sizeof stamps, stamps,
                                         sizeof *stamps, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
    if (result != VK_SUCCESS) {
        command_say("vkGetQueryPoolResults: VkResult %d", (int)result);
        return VKN_DEVICE_LOST;
    }
    for (uint32_t i = 0; i < batch->runs; i++) {
        batch->spans[i] = between(device, stamps[2 * (size_t)i], stamps[2 * (size_t)i + 1]);
    }
    return VKN_OK;
}

// A timestamp after everything that was recorded so far.
static void stamp(const bench_device *device, uint32_t query) {
    device->vk.vkCmdWriteTimestamp(vkn_recorder_command_buffer(device->recorder), VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                   device->stamps, query);
}

static vkn_result record_runs(const bench_device *device, const bench_job *job, uint64_t *turn, bench_batch *batch) {
    vkn_result result = vkn_recorder_begin(device->recorder, VK_NULL_HANDLE);
    if (result == VKN_OK && device->timestamps) {
        device->vk.vkCmdResetQueryPool(vkn_recorder_command_buffer(device->recorder), device->stamps, 0,
                                       2 * batch->runs);
    }
    double seconds = 0;
    for (uint32_t i = 0; result == VKN_OK && i < batch->runs; i++) {
        if (device->timestamps) {
            stamp(device, 2 * i);
        }
        const double start = bench_wall_clock();
        result = job->record(job->user, device->recorder, (*turn)++);
        seconds += bench_wall_clock() - start;
        if (device->timestamps) {
            stamp(device, 2 * i + 1);
        }
        if (result == VKN_OK) {
            result = vkn_recorder_barrier(device->recorder);
        }
    }
    batch->record = seconds / batch->runs;
    return result;
}

static vkn_result run_batch(const bench_device *device, const bench_job *job, uint64_t *turn, uint32_t runs,
                            bench_batch *batch) {
    batch->runs = runs;
    vkn_result result = record_runs(device, job, turn, batch);
    if (result != VKN_OK) {
        return result;
    }
    const double start = bench_wall_clock();
    result = vkn_recorder_submit_and_wait(device->recorder);
    batch->wall = (bench_wall_clock() - start) / runs;
    batch->spans[0] = batch->wall;
    return result == VKN_OK && device->timestamps ? read_stamps(device, batch) : result;
}

static uint32_t runs_for(const bench_job *job, double wanted, double each) {
    const double runs = each > 0 ? wanted / each : MAX_RUNS;
    return job->alone || runs < 1 ? 1 : runs < MAX_RUNS ? (uint32_t)runs : MAX_RUNS;
}

// The device's clock must agree with the wall clock, else it is not used: some drivers take the time as they are given
// the commands, not as these run.
static vkn_result check_stamps(bench_device *device, const bench_job *job, uint64_t *turn, double each) {
    static const double least = 0.5;
    static const double most = 1.1;
    static bench_batch batch;
    const vkn_result result = run_batch(device, job, turn, runs_for(job, submission_limit / 4, each), &batch);
    const double wall = batch.wall * batch.runs;
    double device_time = 0;
    for (uint32_t i = 0; result == VKN_OK && i < batch.runs; i++) {
        device_time += batch.spans[i];
    }
    if (result == VKN_OK && !(device_time >= least * wall && device_time <= most * wall)) {
        command_say("the device's timestamps count %.3f ms of %.3f ms by the wall clock, which is used instead",
                    1e3 * device_time, 1e3 * wall);
        device->timestamps = false;
    }
    device->checked = true;
    return result;
}

static int compare_doubles(const void *left, const void *right) {
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

// Measured values, and the place of the value below which a part of them lies.
typedef struct bench_samples {
    double values[MAX_SAMPLES];
    uint32_t count;
} bench_samples;

static void append(bench_samples *samples, double value) {
    if (samples->count < MAX_SAMPLES) {
        samples->values[samples->count++] = value;
    }
}

static double quantile(bench_samples *samples, double part) {
    const double place = part * (samples->count - 1);
    const uint32_t below = (uint32_t)place;
    const uint32_t above = below + 1 < samples->count ? below + 1 : below;
    return samples->values[below] + (place - below) * (samples->values[above] - samples->values[below]);
}

static void sort(bench_samples *samples) {
    qsort(samples->values, samples->count, sizeof *samples->values, compare_doubles);
}

static vkn_result run_until(const bench_device *device, const bench_job *job, uint64_t *turn, uint32_t runs,
                            double min_time, bench_times *out) {
    static bench_samples spans;
    static bench_samples walls;
    static bench_samples records;
    static bench_batch batch;
    spans.count = walls.count = records.count = 0;
    const uint32_t least = device->cpu ? MIN_REPEATS_CPU : MIN_REPEATS;
    const double start = bench_wall_clock();
    vkn_result result = VKN_OK;
    while (result == VKN_OK && walls.count < MAX_SAMPLES &&
           (spans.count < least || bench_wall_clock() - start < min_time)) {
        result = run_batch(device, job, turn, runs, &batch);
        for (uint32_t i = 0; i < (device->timestamps ? runs : 1); i++) {
            append(&spans, batch.spans[i]);
        }
        append(&walls, batch.wall);
        append(&records, batch.record);
    }
    sort(&spans);
    sort(&walls);
    sort(&records);
    *out = (bench_times){.median = quantile(&spans, 0.5),
                         .minimum = spans.values[0],
                         .maximum = spans.values[spans.count - 1],
                         .spread = quantile(&spans, 0.75) - quantile(&spans, 0.25),
                         .wall = quantile(&walls, 0.5),
                         .record = quantile(&records, 0.5),
                         .repeats = spans.count};
    return result;
}

// The first run builds pipelines, the next ones warm the device up, and the last of them tells how long one takes.
vkn_result bench_time(bench_device *device, const bench_job *job, double min_time, bench_times *out) {
    static bench_batch batch;
    uint64_t turn = 0;
    vkn_result result = run_batch(device, job, &turn, 1, &batch);
    const double start = bench_wall_clock();
    do {
        result = result == VKN_OK ? run_batch(device, job, &turn, 1, &batch) : result;
    } while (result == VKN_OK && bench_wall_clock() - start < warm_time);
    if (result == VKN_OK && device->timestamps && !device->checked) {
        result = check_stamps(device, job, &turn, batch.wall);
    }
    const double each = device->timestamps ? batch.spans[0] : batch.wall;
    const double most = min_time < submission_limit ? min_time : submission_limit;
    const uint32_t runs = runs_for(job, device->timestamps ? most : submission_wanted, each);
    return result == VKN_OK ? run_until(device, job, &turn, runs, min_time, out) : result;
}
