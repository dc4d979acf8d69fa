// SPDX-License-Identifier: MIT
#include "ranks.h"

#include <stdlib.h>

struct nn_ranks {
    nn_device *device;
    const nn_optimizer *optimizer;
    vkn_communicator communicator;
    uint32_t rank, count;
    vkn_tensor packed; // all gradients, one behind the other
    float *gradients;  // the same on the host
};

nn_ranks *nn_ranks_create(nn_module *module, const nn_optimizer *optimizer, const vkn_communicator *communicator) {
    nn_device *device = module->device;
    uint64_t elements = 0;
    for (size_t i = 0; i < optimizer->count; i++)
        elements += vkn_tensor_count(&optimizer->parameters[i].grad);
    if (elements > UINT32_MAX) {
        nn_fail(device, VKN_UNSUPPORTED, "ranks: %llu gradients, at most %u", (unsigned long long)elements, UINT32_MAX);
        return NULL;
    }
    nn_ranks *ranks = calloc(1, sizeof *ranks);
    float *gradients = calloc(elements + 1, sizeof *gradients);
    if (ranks && gradients) {
        *ranks =
            (nn_ranks){.device = device, .optimizer = optimizer, .communicator = *communicator, .gradients = gradients};
        communicator->place(communicator->user, &ranks->rank, &ranks->count);
        ranks->packed = nn_vector(device, NN_FOREVER, VKN_F32, (uint32_t)elements);
        nn_module_synchronize(module, communicator);
        if (nn_ok(device)) return ranks;
    } else {
        nn_fail(device, VKN_OUT_OF_MEMORY, "ranks: no memory for %llu gradients", (unsigned long long)elements);
    }
    free(ranks);
    free(gradients);
    return NULL;
}

void nn_ranks_destroy(nn_ranks *ranks) {
    if (!ranks) return;
    free(ranks->gradients);
    free(ranks);
}

nn_share nn_ranks_share(const nn_ranks *ranks, uint32_t count) {
    const uint64_t first = (uint64_t)count * ranks->rank / ranks->count;
    const uint64_t last = (uint64_t)count * (ranks->rank + (uint64_t)1) / ranks->count;
    return (nn_share){(uint32_t)first, (uint32_t)(last - first)};
}

void nn_ranks_sum(nn_ranks *ranks, float *values, size_t count) {
    nn_device *device = ranks->device;
    if (!nn_ok(device)) return;
    float *all =
        count <= SIZE_MAX / sizeof *all / ranks->count ? malloc((count * ranks->count + 1) * sizeof *all) : NULL;
    if (!all) {
        nn_fail(device, VKN_OUT_OF_MEMORY, "ranks: no memory for %zu numbers of %u ranks", count, ranks->count);
        return;
    }
    const int code = ranks->communicator.all_gather(ranks->communicator.user, values, all, count * sizeof *all);
    if (code) nn_fail(device, VKN_IO, "ranks: all_gather: error %d, on rank %u of %u", code, ranks->rank, ranks->count);
    for (size_t i = 0; i < count && !code; i++) {
        double sum = 0;
        for (uint32_t r = 0; r < ranks->count; r++)
            sum += (double)all[r * count + i];
        values[i] = (float)sum;
    }
    free(all);
}

// Between the gradients where they lie and where they are packed.
static void copy_gradients(const nn_ranks *ranks, bool pack) {
    nn_device *device = ranks->device;
    uint32_t first = 0;
    for (size_t i = 0; i < ranks->optimizer->count; i++) {
        const vkn_tensor *grad = &ranks->optimizer->parameters[i].grad;
        const uint32_t count = (uint32_t)vkn_tensor_count(grad);
        const vkn_tensor part = nn_rows(device, &ranks->packed, first, count);
        nn_copy(device, pack ? grad : &part, pack ? &part : grad);
        first += count;
    }
}

void nn_ranks_sum_gradients(nn_ranks *ranks) {
    nn_device *device = ranks->device;
    copy_gradients(ranks, true);
    nn_submit(device);
    nn_download(device, &ranks->packed, ranks->gradients);
    nn_ranks_sum(ranks, ranks->gradients, vkn_tensor_count(&ranks->packed));
    nn_upload(device, &ranks->packed, ranks->gradients);
    nn_begin(device);
    copy_gradients(ranks, false);
}
