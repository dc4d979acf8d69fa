// SPDX-License-Identifier: MIT
// vknorm: every neural-network normalization layer, forward and backward, on any Vulkan 1.1 device.
//
// The header climbs: results, context, buffers and tensors, recorder, norm (the operation), statistics across devices,
// layer (the module), state (its file).
// Every function that returns a vkn_result leaves a message for the calling thread in vkn_error_message() when it
// fails, and then has changed nothing: no output pointer but NULL, no command recorded, no state moved.
//
// With volk, include <volk.h> before this header (or define VK_NO_PROTOTYPES).
#ifndef VKNORM_H
#define VKNORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

#ifndef VKN_API
#if defined(__GNUC__)
#define VKN_API __attribute__((visibility("default")))
#else
#define VKN_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

// ---- Results ---------------------------------------------------------------------------------------------------
#define VKN_RESULTS(X)                                                                                                 \
    X(OK, 0, "ok")                                                                                                     \
    X(BAD_ARGUMENT, -1, "bad argument")                                                                                \
    X(UNSUPPORTED, -2, "not supported by this device")                                                                 \
    X(NO_DEVICE, -3, "no Vulkan device")                                                                               \
    X(OUT_OF_MEMORY, -4, "out of memory")                                                                              \
    X(DEVICE_LOST, -5, "device lost")                                                                                  \
    X(BAD_FILE, -6, "bad file")                                                                                        \
    X(IO, -7, "input/output error")

typedef enum vkn_result {
#define X(name, value, text) VKN_##name = (value),
    VKN_RESULTS(X)
#undef X
} vkn_result;

VKN_API const char *vkn_result_string(vkn_result);
// What the last failing call of this thread found wrong: the field, and both values. "" before the first failure.
VKN_API const char *vkn_error_message(void);

// ---- Features: fast paths with a fallback ----------------------------------------------------------------------
// A device may lack each of these and every one can be turned off (vkn_context_info.disable, or
// VKNORM_DISABLE=subgroup,push_descriptor,... in the environment), so that one driver can test all paths.
#define VKN_FEATURES(X)                                                                                                \
    X(SUBGROUP, 0, "subgroup", "reductions through subgroup shuffles; off: shared memory")                             \
    X(PUSH_DESCRIPTOR, 1, "push_descriptor", "VK_KHR_push_descriptor; off: descriptor sets")                           \
    X(VECTOR, 2, "vector", "16-byte loads and stores; off: one element at a time")                                     \
    X(ON_CHIP, 3, "on_chip", "one dispatch for groups one workgroup can hold; off: partials, merge, apply")            \
    X(HOST_VISIBLE, 4, "host_visible", "mapped device memory; off: staging copies")                                    \
    X(COHERENT, 5, "coherent", "coherent mapped memory; off: flush and invalidate")                                    \
    X(STORAGE_16BIT, 6, "16bit", "16-bit stores of f16 and bf16; off: halves of 32-bit words")

typedef enum vkn_feature {
#define X(name, bit, key, text) VKN_FEATURE_##name = 1 << (bit),
    VKN_FEATURES(X)
#undef X
        VKN_FEATURE_COUNT = 7
} vkn_feature;

// ---- Context: one Vulkan device --------------------------------------------------------------------------------
// Thread-safety: every function that takes a context may be called from any thread; the queue is locked inside.
typedef struct vkn_context vkn_context;

typedef enum vkn_log_level { VKN_LOG_ERROR, VKN_LOG_WARNING, VKN_LOG_INFO } vkn_log_level;

typedef struct vkn_context_info {
    // Our own device. An index ("0"), or a part of the device's name (case does not matter). NULL: $VKNORM_DEVICE in
    // the same form, else the best kind there is: discrete > integrated > virtual > CPU. Must be NULL when borrowed.
    const char *device;

    // A borrowed device: all of these, and vknorm creates and destroys none of them; they must outlive the context.
    // The instance must be of Vulkan 1.1 or later. `queue` may be VK_NULL_HANDLE when you submit everything yourself:
    // then vkn_recorder_submit_and_wait and staged uploads and downloads fail with VKN_UNSUPPORTED. While vknorm
    // submits to `queue`, you must not.
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice vk_device;
    VkQueue queue;
    uint32_t queue_family; // must have compute
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    const char *const *enabled_extensions; // device extensions that vk_device was created with
    // The features that vk_device was created with, a chain of which vknorm looks for storageBuffer16BitAccess (in
    // VkPhysicalDevice16BitStorageFeatures or VkPhysicalDeviceVulkan11Features). NULL: none.
    const VkPhysicalDeviceFeatures2 *enabled_features;
    uint32_t enabled_extension_count;

    uint32_t disable;                       // vkn_feature bits to do without, beside those of VKNORM_DISABLE
    const VkAllocationCallbacks *allocator; // may be NULL; must outlive the context

    // For tests: limits to act as if the device had. 0: the device's own. Larger than the device's: ignored.
    VkDeviceSize max_binding_bytes; // maxStorageBufferRange, at least 65536
    uint32_t max_workgroups;        // maxComputeWorkGroupCount on each axis, at least 64

    // For experiments: numbers that plans are made with, in place of those chosen for the kind of device: NAME=NUMBER
    // with commas between, as "block=8,rows=2"; before them may be "cpu" or "gpu" for all that are chosen for such a
    // device. docs/performance.md tells what each is, vkn_device_info.limits what they are. Results stay right,
    // whatever the numbers; a pipeline may take minutes to build. NULL: $VKNORM_LIMITS; "": none.
    const char *limits;

    // A file that keeps what the driver has built of pipelines from one start to the next: read here, written by
    // vkn_context_destroy and vkn_context_save_pipelines where something was built. NULL: $VKNORM_CACHE; "", or
    // neither: they are kept in memory only. A file that is damaged, or was written for another device, driver or
    // vknorm, is told to `log`, not used, and replaced, so give each device its own. Drivers trust what is in it:
    // damage is found, malice is not, so keep it where only you can write.
    const char *cache_path;

    bool capture_statistics; // ask the driver to keep each pipeline's own statistics, for vkn_context_pipelines

    void (*log)(void *user, vkn_log_level level, const char *text); // may be NULL; called from any thread
    void *log_user;
} vkn_context_info;

// Opens a device, or borrows one. `info` may be NULL: all defaults. Errors: VKN_NO_DEVICE (no loader, no driver, no
// device that matches), VKN_UNSUPPORTED (below Vulkan 1.1, or no compute queue), VKN_BAD_ARGUMENT, VKN_OUT_OF_MEMORY.
VKN_API vkn_result vkn_context_create(const vkn_context_info *info, vkn_context **out);
// NULL is fine. Everything made from the context must have been destroyed before, and the device must be idle.
VKN_API void vkn_context_destroy(vkn_context *);
// The handles of the context's device, in the form in which another context could borrow it. `enabled_extensions` and
// `enabled_features` belong to the context. Fields that do not name handles are zero.
VKN_API void vkn_context_get_info(const vkn_context *, vkn_context_info *out);

typedef struct vkn_device_info {
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    char driver[VK_MAX_DRIVER_NAME_SIZE + VK_MAX_DRIVER_INFO_SIZE]; // "" where the device does not tell
    VkPhysicalDeviceType type;
    uint32_t vendor_id, device_id, api_version, driver_version;
    uint32_t subgroup_size;             // lanes that vknorm lets share a subgroup reduction
    uint32_t max_workgroup_invocations; // as used, after vkn_context_info
    uint32_t max_workgroups;            // on each axis
    VkDeviceSize max_binding_bytes;     // bytes one descriptor can see; larger tensors go in chunks
    uint32_t max_shared_bytes, offset_alignment;
    uint32_t max_texels;                    // of a vkn_tensor.texels; 0: vknorm reads none here, so it need not be made
    uint32_t found, used;                   // vkn_feature bits: what the device has, what this context uses
    const char *why_off[VKN_FEATURE_COUNT]; // by bit number: why a feature is not used; NULL where it is. Static text.
    char limits[1024]; // the numbers that plans are made with, in the form of vkn_context_info.limits
} vkn_device_info;
VKN_API void vkn_context_device_info(const vkn_context *, vkn_device_info *out);
// How many Vulkan devices there are; each index below it is a valid vkn_context_info.device.
// Errors: VKN_NO_DEVICE (no loader, no driver). Zero devices is VKN_OK with *count = 0.
VKN_API vkn_result vkn_device_count(uint32_t *count);

// Writes the file of vkn_context_info.cache_path now, where something was built since it was read or written last: a
// file beside it is written, synced and renamed to it, so that others find the old one or the new one, whole.
// Applications that are ended without warning want this. Errors: VKN_BAD_ARGUMENT (there is no such file), VKN_IO (the
// system's reason), VKN_OUT_OF_MEMORY, VKN_DEVICE_LOST, VKN_UNSUPPORTED (the driver's data are too large or not its
// own). vkn_context_destroy tells `log` instead.
VKN_API vkn_result vkn_context_save_pipelines(vkn_context *);

// Calls `visit` for each pipeline built so far, oldest first. `name` is the shader and its specialization, readable.
VKN_API void vkn_context_pipelines(vkn_context *, void (*visit)(void *user, const char *name, VkPipeline), void *user);

// ---- Buffers: for those who have no allocator of their own -----------------------------------------------------
typedef struct vkn_buffer vkn_buffer;
// A storage buffer with transfer use, of `bytes` > 0, in device memory (mapped where the device allows it).
VKN_API vkn_result vkn_buffer_create(vkn_context *, VkDeviceSize bytes, vkn_buffer **out);
VKN_API void vkn_buffer_destroy(vkn_buffer *); // NULL is fine; the device must be done with it
VKN_API VkBuffer vkn_buffer_handle(const vkn_buffer *);
// For vkn_tensor.texels. VK_NULL_HANDLE where there are none: see vkn_device_info.max_texels.
VKN_API VkBufferView vkn_buffer_texels(const vkn_buffer *);
VKN_API VkDeviceSize vkn_buffer_size(const vkn_buffer *);
// Copies between host and buffer, and has finished when it returns. The device must not be using the range; what an
// earlier vkn_recorder_submit_and_wait wrote is visible. offset + bytes must not exceed the size.
VKN_API vkn_result vkn_buffer_upload(vkn_buffer *, VkDeviceSize offset, const void *data, VkDeviceSize bytes);
VKN_API vkn_result vkn_buffer_download(vkn_buffer *, VkDeviceSize offset, void *data, VkDeviceSize bytes);

// ---- Tensors: plain values that own nothing --------------------------------------------------------------------
enum { VKN_MAX_RANK = 6 };
typedef enum vkn_dtype { VKN_F32, VKN_F16, VKN_BF16, VKN_I64 } vkn_dtype;
typedef enum vkn_layout { VKN_CHANNELS_FIRST, VKN_CHANNELS_LAST } vkn_layout;

// F16 and BF16 are for x and what is like it, and for weight and bias. A buffer that holds them must have a size that
// is a multiple of 4, because devices without 16-bit storage read and write whole words; bytes beside a tensor keep
// their values, but must not be written by commands that may run at the same time where they share a word with it.
// Elements are contiguous. `shape` is always [N, C, spatial...]; with VKN_CHANNELS_LAST memory is ordered
// [N, spatial..., C]. So a [B, T, D] array whose features are D is shape {B, D, T}, VKN_CHANNELS_LAST.
typedef struct vkn_tensor {
    VkBuffer buffer;     // VK_NULL_HANDLE: the tensor is absent. Must have VK_BUFFER_USAGE_STORAGE_BUFFER_BIT
    VkDeviceSize offset; // bytes, a multiple of the element size
    vkn_dtype dtype;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK]; // rank 1 to 6; sizes may be zero
    // May be VK_NULL_HANDLE. A view of `buffer` (of no other: change both or none), which then also has
    // VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT, from its first byte on, in VK_FORMAT_R32G32B32A32_UINT: one for all
    // tensors of a buffer, with all texels of 16 bytes that the tensor has a part in. It is a faster way to read x and
    // dy where vkn_device_info.max_texels is not 0, taken if all of x, h, dy and dresidual that a call gives have one.
    VkBufferView texels;
} vkn_tensor;

// rank above VKN_MAX_RANK is kept as it is (and refused later); the shape's first VKN_MAX_RANK sizes are copied.
VKN_API vkn_tensor vkn_tensor_make(VkBuffer, VkDeviceSize offset, vkn_dtype, vkn_layout, uint32_t rank,
                                   const uint32_t *shape);
// Elements of a tensor: the product of its shape; UINT64_MAX when that does not fit.
VKN_API uint64_t vkn_tensor_count(const vkn_tensor *);

// ---- Recorder: calls become commands ---------------------------------------------------------------------------
// Owns descriptor sets and scratch memory. Thread-safety: one thread at a time; several recorders on one context may
// work at once.
typedef struct vkn_recorder vkn_recorder;
VKN_API vkn_result vkn_recorder_create(vkn_context *, vkn_recorder **out);
VKN_API void vkn_recorder_destroy(vkn_recorder *); // NULL is fine; the device must be done with what was recorded
// Starts recording into `commands`, your own command buffer in the recording state and outside a render pass, or into
// the recorder's own where it is VK_NULL_HANDLE (what that one held before is dropped; it must have finished).
VKN_API vkn_result vkn_recorder_begin(vkn_recorder *, VkCommandBuffer commands);
// The command buffer being recorded into, for commands of your own between ours. VK_NULL_HANDLE before begin.
VKN_API VkCommandBuffer vkn_recorder_command_buffer(const vkn_recorder *);
VKN_API vkn_context *vkn_recorder_context(const vkn_recorder *);
// Makes all compute and transfer writes recorded so far visible to compute and transfer commands that follow.
VKN_API vkn_result vkn_recorder_barrier(vkn_recorder *);
// Only for the recorder's own command buffer: ends it, submits it, waits, and makes what it wrote visible to the host.
// Called again without a new begin, it submits the same commands once more.
VKN_API vkn_result vkn_recorder_submit_and_wait(vkn_recorder *);
// Recycles descriptor sets and scratch memory. The device must be done with everything recorded since the last reset.
// A new begin on the recorder's own command buffer does it by itself; with your own command buffers it is your call.
VKN_API void vkn_recorder_reset(vkn_recorder *);

// ---- Norm: what to compute. A plain value, no state ------------------------------------------------------------
// y = act((x - mean) * rstd * weight + bias), with mean and rstd = 1 / sqrt(var + eps) over a statistic group:
//   batch     a channel, over N and space                        (Ioffe & Szegedy 2015)
//   instance  a channel of one sample, over space                (Ulyanov et al. 2016)
//   group     C / groups channels of one sample, and space       (Wu & He 2018)
//   layer     the trailing `normalized_rank` dimensions in memory order       (Ba et al. 2016)
//   rms       as layer, without mean and bias: rstd = 1 / sqrt(mean(x^2) + eps)   (Zhang & Sennrich 2019)
// For layer and rms the normalized dimensions are the last ones of the memory order, so with VKN_CHANNELS_LAST and
// normalized_rank 1 it is the channels that are normalized.
typedef enum vkn_kind { VKN_BATCH = 1, VKN_INSTANCE, VKN_GROUP, VKN_LAYER, VKN_RMS } vkn_kind;
typedef enum vkn_activation {
    VKN_NO_ACTIVATION,
    VKN_RELU, // max(z, 0); its gradient at 0 is 0
    VKN_SILU, // z / (1 + exp(-z))
} vkn_activation;
typedef struct vkn_norm {
    vkn_kind kind;
    uint32_t groups;          // VKN_GROUP only: at least 1, divides the channels
    uint32_t normalized_rank; // VKN_LAYER, VKN_RMS: 1 to the rank of x
    float eps;                // at least 0, finite; zero means zero: start from vkn_norm_defaults
    vkn_activation activation;
    float weight_offset; // finite; a weight that is given counts as weight_offset + weight. 1: Gemma's rms norm, AdaLN
} vkn_norm;
VKN_API vkn_norm vkn_norm_defaults(vkn_kind); // eps 1e-5, groups 1, normalized_rank 1, all else none
// How many statistic groups `x` has, and how many elements weight and bias have.
// 0 where norm and shape do not fit (vkn_error_message says why), or the tensor is empty.
VKN_API uint64_t vkn_norm_groups(const vkn_norm *, const vkn_tensor *x);
VKN_API uint64_t vkn_norm_features(const vkn_norm *, const vkn_tensor *x);

#define VKN_MOMENTUM_CUMULATIVE (-1.0f)

// Arguments. `absent`: buffer is VK_NULL_HANDLE.
//   x              batch, instance, group: rank 2 to 6 ([N, C], [N, C, L], ...); layer and rms: rank 1 to 6.
//                  VKN_F32, VKN_F16 or VKN_BF16
//   as x           of x's dtype, layout and shape
//   weight, bias   vkn_norm_features elements; or, per sample, N times as many, [N, C] (adaptive instance norm, FiLM),
//                  for layer and rms [N, normalized shape] (AdaLN; needs a normalized_rank below the rank). VKN_F32 or
//                  x's dtype. weight and bias (and their gradients) all have one size, weight and bias one dtype
//   statistics     VKN_F32, vkn_norm_groups times four: the mean, what rounding it to f32 left over, rstd, and the
//                  biased variance (rms: the mean square; its means are 0)
//   moments        VKN_F32, vkn_norm_groups times four; sums: the same size. See "statistics across devices" below
//   running        VKN_F32, C elements; num_batches_tracked: VKN_I64, 1 element
// Of all but x and what is as x only the number of elements counts. All arithmetic and all sums are f32; results of
// 16 bits are rounded to nearest even, and what overflows becomes infinite.
//
// In place: a tensor that is written may be the very bytes of one that is as x, read, and listed with it here; any
// other overlap is an error (as far as it shows: in one VkBuffer).
//   forward    y: x, residual        h: x, residual
//   backward   dx: x, dy, residual, dh        dresidual: dy, residual
typedef struct vkn_forward_args {
    vkn_tensor x, y;
    vkn_tensor residual;     // may be absent; as x. h absent: y = act(norm(x) + residual)
    vkn_tensor h;            // may be absent; as x. With residual: h = x + residual is written, y = act(norm(h))
    vkn_tensor weight, bias; // each may be absent: 1 and 0. rms: bias must be absent
    vkn_tensor statistics;   // may be absent. Written whenever the statistics are computed from x or moments, not when
                             // they are the running ones
    vkn_tensor moments;      // may be absent. Used instead of x's own; h must be absent, training true
    vkn_tensor running_mean, running_var; // batch and instance; both or neither. Training: updated as
                                          // (1 - m) running + m batch, with the unbiased variance. Otherwise: used
                                          // instead of x's own statistics
    vkn_tensor num_batches_tracked;       // may be absent; counted on the device in training when there are running
                                          // statistics
    float momentum;          // m: 0 to 1, or VKN_MOMENTUM_CUMULATIVE: 1 / num_batches_tracked, which then must be given
    bool training;           // layer, group and rms compute the same either way
    bool biased_running_var; // running_var takes the biased variance (as in ONNX and Keras)
} vkn_forward_args;

// With s = sum over the statistic group, z = what the activation was applied to, dz = dy * act'(z), g = dz * weight,
// xhat = (x - mean) * rstd, n = elements of the group:
//   dx = rstd * (g - s(g) / n - xhat * s(g * xhat) / n) + dh    statistics were x's own  (rms: without the s(g) term)
//   dx = rstd * g + dh                                          statistics were the running ones ("frozen")
//   dresidual = dz
//   dweight = sum of dz * xhat, dbias = sum of dz, over all elements that share a weight
typedef struct vkn_backward_args {
    vkn_tensor x, dy;        // x: what was normalized, so h where forward wrote one; dy: as x
    vkn_tensor residual;     // with an activation: as forward added it after the norm; else it is not looked at
    vkn_tensor weight, bias; // as forward had them; bias is only looked at with an activation
    vkn_tensor statistics;   // what forward saved; absent: computed again from x
    vkn_tensor running_mean, running_var; // both: forward normalized with these (training false); else absent
    vkn_tensor sums;                      // may be absent: see "statistics across devices". Merged over all ranks
    vkn_tensor dh;        // may be absent; as x: a gradient that reaches x from elsewhere. Must be absent with residual
    vkn_tensor dx;        // may be absent; as x. It is also the gradient of a residual that was added before the norm
    vkn_tensor dresidual; // may be absent; as x: the gradient of a residual that was added after the norm
    vkn_tensor dweight, dbias; // each may be absent: then not computed. VKN_F32
    bool training;             // as in forward: with false and running statistics, the frozen formula
    bool accumulate;           // dweight and dbias are added to, not overwritten
} vkn_backward_args;

// Each records commands and submits nothing, waits for nothing, and once warm allocates nothing. Barriers between its
// own dispatches are its own; those before the first and after the last are yours: compute shader stage, shader reads
// and writes (vkn_recorder_barrier does it). Empty tensors are legal: dweight and dbias are zeros (or stay,
// with accumulate), moments make statistics and running statistics, and nothing else is dispatched. A call that fails
// has recorded nothing. Errors: VKN_BAD_ARGUMENT with the field and both values, in PyTorch's words where it has some;
// VKN_UNSUPPORTED with the limit; VKN_OUT_OF_MEMORY; VKN_DEVICE_LOST.
VKN_API vkn_result vkn_norm_forward(vkn_recorder *, const vkn_norm *, const vkn_forward_args *);
VKN_API vkn_result vkn_norm_backward(vkn_recorder *, const vkn_norm *, const vkn_backward_args *);
// How calls will give a residual: it makes other pipelines.
typedef enum vkn_residual { VKN_NO_RESIDUAL, VKN_RESIDUAL_AFTER, VKN_RESIDUAL_BEFORE } vkn_residual;
// Builds every pipeline that forward and backward of such a tensor can need, with weight and bias of dtype `weight`.
// x's buffer is not looked at; of its texels only whether they are there: calls have them, or they do not.
VKN_API vkn_result vkn_norm_prepare(vkn_context *, const vkn_norm *, const vkn_tensor *x, vkn_dtype weight,
                                    vkn_residual);

// ---- Statistics across devices: synchronized batch norm --------------------------------------------------------
// Where x is spread over several devices ("ranks"), each with its share of the batch, even none of it:
//   1. vkn_norm_moments on each rank; exchange; vkn_norm_merge_moments; vkn_norm_forward with args.moments
//   2. vkn_norm_sums on each rank; exchange; vkn_norm_merge_sums; vkn_norm_backward with args.sums
// Moments: for each statistic group the mean, what rounding it left over, M2 = sum of (x - mean)^2, and the number of
// elements. Sums: for each statistic group the sum of g, the sum of g * xhat, the number of elements, and 0.
// Both merge in the order of the ranks, so that all ranks get the same bits. They go for all kinds.
// Recording calls, as vkn_norm_forward is; an empty x gives moments and sums of nothing, which merge as such.
//
// The moments of x, over its own elements. (A residual that is added before the norm has to be in x already.)
VKN_API vkn_result vkn_norm_moments(vkn_recorder *, const vkn_norm *, const vkn_tensor *x, const vkn_tensor *moments);
// `all` has the moments (or sums) of `ranks` >= 1 ranks one after another; `merged` has ranks times fewer elements. By
// Chan, Golub & LeVeque (1983).
VKN_API vkn_result vkn_norm_merge_moments(vkn_recorder *, const vkn_tensor *all, uint32_t ranks,
                                          const vkn_tensor *merged);
// The first half of vkn_norm_backward: the sums, dresidual, and dweight and dbias, which are those of this rank's
// elements alone. statistics must be given; sums, dx and dh of the arguments are not looked at. The second half is
// vkn_norm_backward with the same arguments and the merged sums: it reads dresidual, where that is given, instead of
// dy, does not look at dweight and dbias, and writes dx.
VKN_API vkn_result vkn_norm_sums(vkn_recorder *, const vkn_norm *, const vkn_backward_args *, const vkn_tensor *sums);
VKN_API vkn_result vkn_norm_merge_sums(vkn_recorder *, const vkn_tensor *all, uint32_t ranks, const vkn_tensor *merged);

// ---- Layer: the module, as in torch.nn -------------------------------------------------------------------------
// Parameters, gradients, running statistics and what forward saves for backward. Thread-safety: as a recorder.
typedef struct vkn_layer vkn_layer;
typedef struct vkn_layer_info {
    vkn_norm norm;
    uint32_t features;                      // channels; layer and rms: elements of the normalized shape. At least 1
    float momentum;                         // as vkn_forward_args.momentum
    bool weight, bias, track_running_stats; // rms: no bias. Only batch and instance track
    bool biased_running_var;                // as vkn_forward_args.biased_running_var
} vkn_layer_info;
// torch.nn's defaults: momentum 0.1; batch: weight, bias, running statistics; instance: none of them; group, layer:
// weight and bias; rms: weight.
VKN_API vkn_layer_info vkn_layer_defaults(vkn_kind, uint32_t features);
// What counts as weight 1 (so 1 - weight_offset), bias 0, running mean 0, running variance 1, nothing counted; in
// training mode.
VKN_API vkn_result vkn_layer_create(vkn_context *, const vkn_layer_info *, vkn_layer **out);
VKN_API void vkn_layer_destroy(vkn_layer *);              // NULL is fine; the device must be done with it
VKN_API void vkn_layer_train(vkn_layer *, bool training); // false: eval
// Frozen: the statistics of eval, none updated, and backward writes no gradients of weight and bias.
VKN_API void vkn_layer_freeze(vkn_layer *, bool frozen);
// Whether backward adds to the gradients (as PyTorch does until zero_grad) or overwrites them. At first it overwrites.
VKN_API void vkn_layer_accumulate(vkn_layer *, bool accumulate);
// Recording calls, as vkn_norm_forward and vkn_norm_backward. backward follows the last forward of the layer that
// succeeded, with the same x and mode. dx may be absent (NULL). The first call with more statistic groups than before
// allocates.
VKN_API vkn_result vkn_layer_forward(vkn_recorder *, vkn_layer *, const vkn_tensor *x, const vkn_tensor *y);
VKN_API vkn_result vkn_layer_backward(vkn_recorder *, vkn_layer *, const vkn_tensor *x, const vkn_tensor *dy,
                                      const vkn_tensor *dx);
// The same with a residual. h NULL: y = act(norm(x) + residual); else h = x + residual, y = act(norm(h)).
VKN_API vkn_result vkn_layer_forward_residual(vkn_recorder *, vkn_layer *, const vkn_tensor *x,
                                              const vkn_tensor *residual, const vkn_tensor *h, const vkn_tensor *y);
// x is what was normalized: h where forward wrote one. Each of the others may be NULL: `residual`, as forward added it
// after the norm, is needed with an activation; dh is what reaches h from elsewhere; dx is also the gradient of a
// residual that was added before the norm, dresidual that of one that was added after it.
VKN_API vkn_result vkn_layer_backward_residual(vkn_recorder *, vkn_layer *, const vkn_tensor *x, const vkn_tensor *dy,
                                               const vkn_tensor *residual, const vkn_tensor *dh, const vkn_tensor *dx,
                                               const vkn_tensor *dresidual);

// Ranks that train one network together, and how they exchange bytes of host memory: two functions.
typedef struct vkn_communicator {
    // Which rank this is, and of how many.
    void (*place)(void *user, uint32_t *rank, uint32_t *ranks);
    // Waits for all ranks; `all` gets `bytes` from each, in the order of the ranks. 0, or an error code of its own.
    int (*all_gather)(void *user, const void *mine, void *all, size_t bytes);
    void *user;
} vkn_communicator;
// Synchronized batch norm: from now on the layer's statistics in training are those of all ranks' x together, and so
// are the sums of its backward; gradients of weight and bias stay those of this rank. NULL: ends it. Batch norm only,
// and h must be absent; a rank's x may be empty. All ranks must make the same calls in the same order, and the
// functions must work as long as the layer does.
// forward in training, and the backward that follows it where dx is given, then submit what the recorder holds, wait,
// exchange, and begin anew: the recorder must record into its own command buffer. What a rank can see to be wrong fails
// before anything is submitted (the others then wait for it). Where an exchange fails (VKN_IO, with all_gather's code)
// nothing of the layer's call has been recorded and the recorder has begun anew; but what was there before has been
// submitted, and a backward has written dresidual and the gradients of weight and bias.
VKN_API vkn_result vkn_layer_synchronize(vkn_layer *, const vkn_communicator *);

typedef enum vkn_slot {
    VKN_WEIGHT,
    VKN_BIAS,
    VKN_WEIGHT_GRAD,
    VKN_BIAS_GRAD,
    VKN_RUNNING_MEAN,
    VKN_RUNNING_VAR,
    VKN_NUM_BATCHES_TRACKED,
    VKN_SLOT_COUNT
} vkn_slot;
VKN_API vkn_tensor vkn_layer_tensor(const vkn_layer *, vkn_slot); // absent where the layer has none
// Copies one whole slot; `bytes` must be its size. As vkn_buffer_upload and vkn_buffer_download.
VKN_API vkn_result vkn_layer_upload(vkn_layer *, vkn_slot, const void *data, VkDeviceSize bytes);
VKN_API vkn_result vkn_layer_download(vkn_layer *, vkn_slot, void *data, VkDeviceSize bytes);

// For inference: takes a batch norm in eval mode into the linear layer or convolution before it. With s =
// (weight_offset + weight) / sqrt(running_var + eps), for each output channel c:   weights[c][i] *= s[c],   bias[c] =
// (bias[c] - running_mean[c])
// * s[c] + layer bias[c], computed in double. `weights` is [features][per_channel] in host memory, as torch.nn.Linear
// and Conv1d/2d/3d keep theirs; `bias` [features], zeros where there was none. per_channel may be 0: only the bias. The
// layer must be batch norm with running statistics and without an activation, which folding would lose, and stays as it
// is. Waits, as vkn_layer_download does.
VKN_API vkn_result vkn_layer_fold(vkn_layer *, uint64_t per_channel, float *weights, float *bias);
// Makes a batch norm's description one of group norm over the same features, with the same eps, weight and bias: what
// small batches want. `groups` must divide the features.
VKN_API vkn_result vkn_layer_info_to_group(vkn_layer_info *, uint32_t groups);

// ---- State: layers in a .safetensors file ----------------------------------------------------------------------
// A tensor is called as in PyTorch's state_dict: the prefix of its layer, then weight, bias, running_mean, running_var
// or num_batches_tracked, for what the layer has of them. Gradients and modes are not kept. All are F32 of shape
// [features], num_batches_tracked is I64 of shape []. As vkn_layer_download and vkn_layer_upload, both calls have
// finished when they return, and the device must not be using the layers. Layers may be of different contexts.
typedef struct vkn_state_entry {
    const char *prefix; // UTF-8, with its dot: "bn1.". NULL is "". No other entry may have the same
    vkn_layer *layer;   // no other entry may have the same
    // Layer and rms norm over several dimensions: the normalized shape, norm.normalized_rank sizes whose product is
    // `features`; that is then the shape of weight and bias in the file. NULL: [features]. All other kinds: NULL.
    const uint32_t *normalized_shape;
} vkn_state_entry;
// Both calls: `count` may be 0, and `entries` is then not looked at. Errors: VKN_BAD_ARGUMENT; VKN_IO (the system's
// reason), VKN_OUT_OF_MEMORY, those of the copies, and VKN_UNSUPPORTED where vknorm was built without jansson.
//
// Writes a file beside `path`, syncs it, and renames it to `path`. A failure leaves what was there.
VKN_API vkn_result vkn_state_save(const char *path, const vkn_state_entry *entries, uint32_t count);
// Takes every tensor of every entry from the file, or none of them. VKN_BAD_FILE, in PyTorch's words where it has
// some: the file is damaged; a tensor is missing, or has another shape or dtype; num_batches_tracked is negative; the
// file has a tensor that no entry has a place for. `strict`: that goes for all tensors of the file. Otherwise only for
// those whose name is a prefix and one more word without a dot, as "bn1.bias" for a layer without bias; the rest of a
// network may then be in the file too. Unlike PyTorch's strict=False, it does not let anything be missing.
// A file is read and compared as a whole, and what the layers hold is fetched, before the first of them changes. If the
// device then fails in the middle, they are given back what they had; where it does not take that either, the message
// says so, and the layers must be loaded again.
VKN_API vkn_result vkn_state_load(const char *path, const vkn_state_entry *entries, uint32_t count, bool strict);

#ifdef __cplusplus
}
#endif
#endif
