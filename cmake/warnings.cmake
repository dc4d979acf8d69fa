# SPDX-License-Identifier: MIT
# vkn_target_options(<target>): the warnings, sanitizers and definitions that every target of ours is built with.
function(vkn_target_options target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
        -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wvla -Wundef $<$<BOOL:${VKNORM_WERROR}>:-Werror>)
    target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
    if(VKNORM_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${VKNORM_SANITIZE} -fno-omit-frame-pointer
            -fno-sanitize-recover=all)
        target_link_options(${target} PRIVATE -fsanitize=${VKNORM_SANITIZE})
    endif()
endfunction()
