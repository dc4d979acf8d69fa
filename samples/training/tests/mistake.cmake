# SPDX-License-Identifier: MIT
# Runs COMMAND: its status must be STATUS, stdout empty, and MESSAGE on stderr.
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE error)
string(FIND "${error}" "${MESSAGE}" found)
if(NOT status STREQUAL STATUS OR found EQUAL -1 OR NOT output STREQUAL "")
    message(FATAL_ERROR "status ${status}, stderr '${error}', stdout '${output}'\n"
        "expected ${STATUS} and '${MESSAGE}'")
endif()
