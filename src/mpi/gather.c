// SPDX-License-Identifier: MIT
#include "gather.h"

// A type that is `piece` bytes large, and whose next one begins `stride` bytes on: where the next rank's bytes go.
static int make_type(int piece, size_t stride, MPI_Datatype *out) {
    MPI_Datatype bytes;
    int code = MPI_Type_contiguous(piece, MPI_BYTE, &bytes);
    if (code != MPI_SUCCESS) return code;
    code = MPI_Type_create_resized(bytes, 0, (MPI_Aint)stride, out);
    MPI_Type_free(&bytes);
    if (code != MPI_SUCCESS) return code;
    code = MPI_Type_commit(out);
    if (code != MPI_SUCCESS) MPI_Type_free(out);
    return code;
}

int vkn_mpi_gather(MPI_Comm comm, const void *mine, void *all, size_t bytes, int most) {
    int code = MPI_SUCCESS;
    for (size_t at = 0; at < bytes && code == MPI_SUCCESS;) {
        const int piece = bytes - at < (size_t)most ? (int)(bytes - at) : most;
        MPI_Datatype type;
        code = make_type(piece, bytes, &type);
        if (code != MPI_SUCCESS) break;
        code = MPI_Allgather((const char *)mine + at, piece, MPI_BYTE, (char *)all + at, 1, type, comm);
        MPI_Type_free(&type);
        at += (size_t)piece;
    }
    return code;
}
