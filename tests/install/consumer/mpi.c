// SPDX-License-Identifier: MIT
// An application that synchronizes a batch norm over MPI: started without mpirun, it is the only rank.
#include <vknorm/vknorm_mpi.h>

#include "norm.h"

static vkn_result synchronize(vkn_context *context, const vkn_communicator *communicator) {
    vkn_layer *layer = NULL;
    const vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, 3);
    vkn_result result = vkn_layer_create(context, &info, &layer);
    if (result == VKN_OK) result = vkn_layer_synchronize(layer, communicator);
    vkn_layer_destroy(layer);
    return result;
}

int main(int argc, char **argv) {
    if (MPI_Init(&argc, &argv) != MPI_SUCCESS) return 1;
    MPI_Comm comm = MPI_COMM_WORLD;
    const vkn_communicator communicator = vkn_mpi_communicator(&comm);
    vkn_context *context = NULL;
    vkn_result result = vkn_context_create(NULL, &context);
    if (result == VKN_OK) result = synchronize(context, &communicator);
    if (result != VKN_OK) printf("%s: %s\n", vkn_result_string(result), vkn_error_message());
    const int failed = result != VKN_OK || norm_check(context);
    vkn_context_destroy(context);
    MPI_Finalize();
    return failed;
}
