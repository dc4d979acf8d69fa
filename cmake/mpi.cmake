# SPDX-License-Identifier: MIT
# Whether there is MPI, for the library vknorm-mpi; and VKN_MPIRUN, the command in front of <ranks> <program>, where there
# is one, with what tests need in VKN_MPI_ENVIRONMENT.
if(NOT DEFINED VKNORM_MPI OR VKNORM_MPI)
    set(found_by_others FALSE)
    if(TARGET MPI::MPI_C)
        set(found_by_others TRUE)
    endif()
    find_package(MPI QUIET COMPONENTS C)
    if(MPI_C_FOUND AND NOT found_by_others) # to be seen where vknorm is a part of another build
        set_target_properties(MPI::MPI_C PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
endif()
option(VKNORM_MPI "Build vknorm-mpi, the communicator over MPI" ${MPI_C_FOUND})
if(VKNORM_MPI AND NOT MPI_C_FOUND)
    message(FATAL_ERROR "vknorm-mpi needs MPI (Debian, Ubuntu: libopenmpi-dev). "
        "Without it, configure with -DVKNORM_MPI=OFF.")
endif()

set(VKN_MPIRUN)
if(VKNORM_MPI AND MPIEXEC_EXECUTABLE)
    set(VKN_MPIRUN ${MPIEXEC_EXECUTABLE} ${MPIEXEC_PREFLAGS} ${MPIEXEC_NUMPROC_FLAG})
endif()
# More ranks than cores, and as root, as in containers: Open MPI 4, and its launcher from 5 on. Others do not ask.
set(VKN_MPI_ENVIRONMENT OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1)
