// SPDX-License-Identifier: MIT
// Memory: none is taken once warm, and wherever it runs out the call fails cleanly. Links the library's objects with
// malloc, calloc and realloc wrapped, and Vulkan interposed.
#include "memo.h" // first: it brings volk

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "interpose.h"
#include "rig.h"

// ---- The C library's memory --------------------------------------------------------------------------------------
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

static uint64_t taken, fail_at; // calls so far; the one that fails, 0: none

static bool runs_out(void) {
    return ++taken == fail_at;
}

void *__wrap_malloc(size_t bytes) {
    return runs_out() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes) {
    return runs_out() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes) {
    return runs_out() ? NULL : __real_realloc(memory, bytes);
}

// ---- What is run -------------------------------------------------------------------------------------------------
enum { BATCH = 4, CHANNELS = 6, SPACE = 700, ELEMENTS = BATCH * CHANNELS * SPACE };

struct work {
    vkn_result (*record)(struct work *);
    bool shares_context; // it was there before, and stays
    vkn_context *context;
    vkn_recorder *recorder;
    vkn_layer *layer;
    vkn_buffer *x, *y, *dx, *h, *groups;
};

static void work_close(struct work *w) {
    vkn_buffer_destroy(w->x);
    vkn_buffer_destroy(w->y);
    vkn_buffer_destroy(w->dx);
    vkn_buffer_destroy(w->h);
    vkn_buffer_destroy(w->groups);
    vkn_layer_destroy(w->layer);
    vkn_recorder_destroy(w->recorder);
    if (!w->shares_context) vkn_context_destroy(w->context);
    *w = (struct work){0};
}

static vkn_tensor tensor_in(const vkn_buffer *buffer, vkn_dtype dtype) {
    const uint32_t shape[] = {BATCH, CHANNELS, SPACE};
    return vkn_tensor_make(vkn_buffer_handle(buffer), 0, dtype, VKN_CHANNELS_FIRST, 3, shape);
}

// The moments, sums or statistics of `ranks` ranks, at a place of their own in w->groups.
static vkn_tensor groups_in(const struct work *w, uint32_t place, uint32_t ranks) {
    const uint32_t shape[] = {ranks * 4 * CHANNELS};
    return vkn_tensor_make(vkn_buffer_handle(w->groups), (VkDeviceSize)place * 4096, VKN_F32, VKN_CHANNELS_FIRST, 1,
                           shape);
}

static vkn_result work_open(struct work *w, const vkn_context_info *info) {
    static const float values[ELEMENTS] = {1, 2, 3};
    vkn_layer_info layer = vkn_layer_defaults(VKN_BATCH, CHANNELS);
    vkn_result result = w->shares_context ? VKN_OK : vkn_context_create(info, &w->context);
    if (!result) result = vkn_recorder_create(w->context, &w->recorder);
    if (!result) result = vkn_layer_create(w->context, &layer, &w->layer);
    if (!result) result = vkn_buffer_create(w->context, sizeof values, &w->x);
    if (!result) result = vkn_buffer_create(w->context, sizeof values, &w->y);
    if (!result) result = vkn_buffer_create(w->context, sizeof values, &w->dx);
    if (!result) result = vkn_buffer_create(w->context, sizeof values, &w->h);
    if (!result) result = vkn_buffer_create(w->context, (VkDeviceSize)5 * 4096, &w->groups);
    if (!result) result = vkn_buffer_upload(w->x, 0, values, sizeof values);
    return result;
}

static vkn_result record_plain(struct work *w) {
    vkn_tensor x = tensor_in(w->x, VKN_F32), y = tensor_in(w->y, VKN_F32), dx = tensor_in(w->dx, VKN_F32);
    vkn_result result = vkn_layer_forward(w->recorder, w->layer, &x, &y);
    if (!result) result = vkn_recorder_barrier(w->recorder);
    if (!result) result = vkn_layer_backward(w->recorder, w->layer, &x, &y, &dx);
    if (!result) result = vkn_recorder_barrier(w->recorder);
    return result;
}

static vkn_result record_residual(struct work *w) {
    vkn_tensor x = tensor_in(w->x, VKN_F16), y = tensor_in(w->y, VKN_F16), dx = tensor_in(w->dx, VKN_F16);
    vkn_tensor h = tensor_in(w->h, VKN_F16);
    vkn_result result = vkn_layer_forward_residual(w->recorder, w->layer, &x, &x, &h, &y);
    if (!result) result = vkn_recorder_barrier(w->recorder);
    if (!result) result = vkn_layer_backward_residual(w->recorder, w->layer, &h, &y, NULL, &x, &dx, NULL);
    if (!result) result = vkn_recorder_barrier(w->recorder);
    return result;
}

static vkn_result record_ranks(struct work *w) {
    const vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    vkn_tensor x = tensor_in(w->x, VKN_BF16), y = tensor_in(w->y, VKN_BF16);
    vkn_tensor first = groups_in(w, 0, 1), all = groups_in(w, 1, 2), merged = groups_in(w, 3, 1);
    vkn_forward_args forward = {.x = x, .y = y, .moments = merged, .statistics = groups_in(w, 4, 1), .training = true};
    vkn_backward_args backward = {.x = x, .dy = y, .statistics = forward.statistics, .training = true};
    vkn_result result = vkn_norm_moments(w->recorder, &norm, &x, &first);
    if (!result) result = vkn_norm_merge_moments(w->recorder, &all, 2, &merged);
    if (!result) result = vkn_recorder_barrier(w->recorder);
    if (!result) result = vkn_norm_forward(w->recorder, &norm, &forward);
    if (!result) result = vkn_recorder_barrier(w->recorder);
    if (!result) result = vkn_norm_sums(w->recorder, &norm, &backward, &first);
    if (!result) result = vkn_norm_merge_sums(w->recorder, &all, 2, &merged);
    if (!result) result = vkn_recorder_barrier(w->recorder);
    backward.sums = merged;
    backward.dx = tensor_in(w->dx, VKN_BF16);
    if (!result) result = vkn_norm_backward(w->recorder, &norm, &backward);
    return result;
}

static vkn_result record_everything(struct work *w) {
    vkn_result result = record_plain(w);
    if (!result) result = record_residual(w);
    if (!result) result = record_ranks(w);
    return result;
}

static vkn_result work_run(struct work *w) {
    float back[CHANNELS];
    vkn_result result = vkn_recorder_begin(w->recorder, VK_NULL_HANDLE);
    if (!result) result = w->record(w);
    if (!result) result = vkn_recorder_submit_and_wait(w->recorder);
    if (!result) result = vkn_layer_download(w->layer, VKN_WEIGHT_GRAD, back, sizeof back);
    return result;
}

// A device of vknorm's own, lent back through the interposer: the same code runs, and its Vulkan calls are counted.
static vkn_context *lender;

static int setup(void **state) {
    (void)state;
    return vkn_context_create(NULL, &lender) ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    vkn_context_destroy(lender);
    return 0;
}

static int nothing_fails(void **state) {
    (void)state;
    fail_at = 0;
    interpose.fail_at = 0;
    interpose.submitted = VK_SUCCESS;
    return 0;
}

// Twice the work warms it; then neither the C library nor Vulkan is asked for anything, in as many calls as one likes.
static void takes_nothing_once_warm(void **state) {
    (void)state;
    static const uint32_t ways[] = {0, VKN_FEATURE_PUSH_DESCRIPTOR, VKN_FEATURE_STORAGE_16BIT,
                                    VKN_FEATURE_ON_CHIP | VKN_FEATURE_PUSH_DESCRIPTOR};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        vkn_context_info info = interpose_borrow(lender);
        info.disable = ways[i];
        struct work w = {.record = record_everything};
        MUST(work_open(&w, &info));
        for (int round = 0; round < 20; round++) {
            if (round == 1) taken = interpose.made = 0;
            MUST(vkn_recorder_begin(w.recorder, VK_NULL_HANDLE));
            for (int call = 0; call < 10; call++) {
                MUST(w.record(&w));
                MUST(vkn_recorder_barrier(w.recorder));
            }
            MUST(vkn_recorder_submit_and_wait(w.recorder));
        }
        assert_int_equal(taken, 0);
        assert_int_equal(interpose.made, 0);
        work_close(&w);
    }
}

// More calls that differ than a recorder remembers plans of, so that each is planned each time.
static void takes_nothing_for_new_plans_once_warm(void **state) {
    (void)state;
    enum { CALLS = VKN_MEMO_PROGRAMS + 40 };
    struct work w = {0};
    const vkn_context_info info = interpose_borrow(lender);
    vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    MUST(work_open(&w, &info));
    for (int round = 0; round < 3; round++) {
        if (round == 1) taken = interpose.made = 0;
        MUST(vkn_recorder_begin(w.recorder, VK_NULL_HANDLE));
        for (int call = 0; call < CALLS; call++) {
            norm.eps = 1e-5f * (float)(call + 1);
            vkn_forward_args args = {.x = tensor_in(w.x, VKN_F32), .y = tensor_in(w.y, VKN_F32), .training = true};
            MUST(vkn_norm_forward(w.recorder, &norm, &args));
            MUST(vkn_recorder_barrier(w.recorder));
        }
        MUST(vkn_recorder_submit_and_wait(w.recorder));
    }
    assert_int_equal(taken, 0);
    assert_int_equal(interpose.made, 0);
    work_close(&w);
}

static struct shortage {
    vkn_result (*record)(struct work *);
    bool warm; // on a context that has its pipelines, because some drivers are slow to compile them
    uint32_t disable;
    VkResult with;
} shortages[] = {
    {record_plain, false, 0, VK_ERROR_OUT_OF_DEVICE_MEMORY},
    {record_plain, true, VKN_FEATURE_PUSH_DESCRIPTOR | VKN_FEATURE_HOST_VISIBLE, VK_ERROR_OUT_OF_HOST_MEMORY},
    {record_residual, true, 0, VK_ERROR_OUT_OF_HOST_MEMORY},
    {record_ranks, true, VKN_FEATURE_PUSH_DESCRIPTOR | VKN_FEATURE_HOST_VISIBLE, VK_ERROR_OUT_OF_DEVICE_MEMORY},
};
enum { MOST_REQUESTS = 1000 };

// A context on which the work has been done once.
static vkn_context *warm_up(const struct shortage *s, const vkn_context_info *info) {
    struct work w = {.record = s->record, .shares_context = true};
    MUST(vkn_context_create(info, &w.context));
    vkn_context *warm = w.context;
    MUST(work_open(&w, info));
    MUST(work_run(&w));
    work_close(&w);
    return warm;
}

// `counter` counts the requests for memory that `fails` may let fail: the n-th one, for each n there is. A call that
// failed can be made again.
static void runs_out_anywhere(const struct shortage *s, const vkn_context_info *info, uint64_t *counter,
                              uint64_t *fails) {
    vkn_context *warm = s->warm ? warm_up(s, info) : NULL;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        struct work w = {.record = s->record, .shares_context = s->warm, .context = warm};
        *counter = 0;
        *fails = n;
        vkn_result result = work_open(&w, info);
        bool opened = !result;
        if (!result) result = work_run(&w);
        done = *counter < n;
        *fails = 0;
        if (!done && result && result != VKN_OUT_OF_MEMORY)
            fail_msg("request %d: %s (%s)", (int)n, vkn_result_string(result), vkn_error_message());
        if (done) assert_int_equal(result, VKN_OK);
        if (result && !*vkn_error_message()) fail_msg("request %d: no message", (int)n);
        if (result && opened) MUST(work_run(&w));
        work_close(&w);
        assert_true(n < MOST_REQUESTS);
    }
    vkn_context_destroy(warm);
}

static void host_memory_runs_out_anywhere(void **state) {
    const struct shortage *s = *state;
    const vkn_context_info info = {.disable = s->disable};
    runs_out_anywhere(s, &info, &taken, &fail_at);
}

// Whatever makes Vulkan objects or memory. A second kind of memory may help out where one is exhausted.
static void device_memory_runs_out_anywhere(void **state) {
    const struct shortage *s = *state;
    vkn_context_info info = interpose_borrow(lender);
    info.disable = s->disable;
    interpose.fail_with = s->with;
    runs_out_anywhere(s, &info, &interpose.made, &interpose.fail_at);
}

// A lost device is lost for good: each call says so at once, and all can be destroyed.
static void a_lost_device_stays_lost(void **state) {
    (void)state;
    vkn_context_info info = interpose_borrow(lender);
    struct work w = {.record = record_plain};
    float value;
    vkn_recorder *another = NULL;
    MUST(work_open(&w, &info));
    MUST(work_run(&w));
    interpose.submitted = VK_ERROR_DEVICE_LOST;
    assert_int_equal(work_run(&w), VKN_DEVICE_LOST);
    interpose.submitted = VK_SUCCESS;
    MUST_FAIL(vkn_recorder_begin(w.recorder, VK_NULL_HANDLE), VKN_DEVICE_LOST, "lost");
    MUST_FAIL(w.record(&w), VKN_DEVICE_LOST, "lost");
    MUST_FAIL(vkn_recorder_submit_and_wait(w.recorder), VKN_DEVICE_LOST, "lost");
    MUST_FAIL(vkn_buffer_download(w.x, 0, &value, sizeof value), VKN_DEVICE_LOST, "lost");
    MUST_FAIL(vkn_recorder_create(w.context, &another), VKN_DEVICE_LOST, "lost");
    work_close(&w);
}

// ---- vkn_context_info.allocator ------------------------------------------------------------------------------------
struct counting {
    int64_t live;
    uint64_t asked;
};

static void *counted_allocate(void *user, size_t bytes, size_t alignment, VkSystemAllocationScope scope) {
    (void)scope;
    struct counting *c = user;
    void *memory = NULL;
    c->asked++;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes)) return NULL;
    c->live++;
    return memory;
}

static void counted_free(void *user, void *memory) {
    if (memory) ((struct counting *)user)->live--;
    free(memory);
}

static void *counted_reallocate(void *user, void *old, size_t bytes, size_t alignment, VkSystemAllocationScope scope) {
    // Vulkan does not say how large the old block was, so it is kept in the heap's own terms.
    if (!old) return counted_allocate(user, bytes, alignment, scope);
    if (!bytes) {
        counted_free(user, old);
        return NULL;
    }
    return alignment <= 16 ? __real_realloc(old, bytes) : NULL;
}

// The same allocator for making and for destroying, so that all it gave comes back.
static void the_callers_allocator_is_used(void **state) {
    (void)state;
    struct counting counting = {0};
    const VkAllocationCallbacks callbacks = {.pUserData = &counting,
                                             .pfnAllocation = counted_allocate,
                                             .pfnReallocation = counted_reallocate,
                                             .pfnFree = counted_free};
    vkn_context_info info = {.allocator = &callbacks};
    struct work w = {.record = record_everything};
    MUST(work_open(&w, &info));
    MUST(work_run(&w));
    assert_true(counting.asked > 0);
    work_close(&w);
    assert_int_equal(counting.live, 0);
}

// The test `function` with row `index` of `shortages`.
#define SHORTAGE(function, index)                                                                                      \
    { #function " " #index, function, NULL, nothing_fails, &shortages[index] }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(takes_nothing_once_warm, nothing_fails),
        cmocka_unit_test_teardown(takes_nothing_for_new_plans_once_warm, nothing_fails),
        SHORTAGE(host_memory_runs_out_anywhere, 0),
        SHORTAGE(host_memory_runs_out_anywhere, 2),
        SHORTAGE(host_memory_runs_out_anywhere, 3),
        SHORTAGE(device_memory_runs_out_anywhere, 0),
        SHORTAGE(device_memory_runs_out_anywhere, 1),
        SHORTAGE(device_memory_runs_out_anywhere, 2),
        SHORTAGE(device_memory_runs_out_anywhere, 3),
        cmocka_unit_test_teardown(a_lost_device_stays_lost, nothing_fails),
        cmocka_unit_test(the_callers_allocator_is_used),
    };
    return cmocka_run_group_tests_name("memory", tests, setup, teardown);
}
