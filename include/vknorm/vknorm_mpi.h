// SPDX-License-Identifier: MIT
// vknorm over MPI: a communicator for synchronized batch norm. A library of its own: CMake's vknorm::mpi, or
// `pkg-config vknorm-mpi`.
#ifndef VKNORM_MPI_H
#define VKNORM_MPI_H

// MPI's C++ bindings, which MPI itself has dropped, would have to be linked.
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <vknorm/vknorm.h>

#ifdef __cplusplus
extern "C" {
#endif

// The ranks of *comm: an intracommunicator, which must stay where it is, and valid, as long as the result is used. MPI
// must be initialized and not finalized; a layer calls it from the thread that calls the layer. For layers alone
// give it a communicator of their own (MPI_Comm_dup), so that no other collective call comes between theirs.
// all_gather is MPI_Allgather, and takes any number of bytes. What happens when it fails is for *comm's error handler
// to say: by MPI's default the program ends; with MPI_ERRORS_RETURN the layer's call returns VKN_IO and names MPI's
// code.
VKN_API vkn_communicator vkn_mpi_communicator(MPI_Comm *comm);

#ifdef __cplusplus
}
#endif
#endif
