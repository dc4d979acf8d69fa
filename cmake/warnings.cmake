# SPDX-License-Identifier: MIT
# vkn_target_options(<target>): the warnings, sanitizers and definitions that every target of ours is built with.
function(vkn_target_options target)
    # An integer constant is an enumerator here, and may stand beside a float.
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
        -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wvla -Wundef
        -Wno-enum-float-conversion $<$<BOOL:${VKNORM_WERROR}>:-Werror>)
    target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
    if(VKNORM_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${VKNORM_SANITIZE} -fno-omit-frame-pointer
            -fno-sanitize-recover=all)
        target_link_options(${target} PRIVATE -fsanitize=${VKNORM_SANITIZE})
    endif()
endfunction()
