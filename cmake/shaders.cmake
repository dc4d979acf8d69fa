# SPDX-License-Identifier: MIT
# vkn_add_shader(<target> <source.comp> [NAME <name>] [DEFINES <d>...]) compiles a compute shader with glslc, checks it
# with spirv-val, and gives the target a header `<name>.spv.h` that defines `static const uint32_t <name>_spv[]`.
find_program(VKN_GLSLC glslc REQUIRED)
find_program(VKN_SPIRV_VAL spirv-val REQUIRED)
set(VKN_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed.cmake)
# What C and GLSL share (structs.h) lies beside the headers; every shader may include it.
function(vkn_add_shader target source)
    cmake_parse_arguments(arg "" "NAME" "DEFINES" ${ARGN})
    if(NOT arg_NAME)
        get_filename_component(arg_NAME ${source} NAME_WE)
    endif()
    get_filename_component(source ${source} ABSOLUTE)
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/shaders)
    set(spv ${folder}/${arg_NAME}.spv)
    set(header ${folder}/${arg_NAME}.spv.h)
    file(MAKE_DIRECTORY ${folder})
    list(TRANSFORM arg_DEFINES PREPEND -D)
    add_custom_command(
        OUTPUT ${header}
        BYPRODUCTS ${spv}
        COMMAND ${VKN_GLSLC} --target-env=vulkan1.1 -O $<$<BOOL:${VKNORM_WERROR}>:-Werror> ${arg_DEFINES} -MD -MF ${spv}.d -MT ${header} -o ${spv} ${source}
        COMMAND ${VKN_SPIRV_VAL} --target-env vulkan1.1 ${spv}
        COMMAND ${CMAKE_COMMAND} -DINPUT=${spv} -DOUTPUT=${header} -DNAME=${arg_NAME}_spv -P ${VKN_EMBED_SCRIPT}
        DEPENDS ${source} ${VKN_EMBED_SCRIPT}
        DEPFILE ${spv}.d
        COMMENT "Compiling shader ${arg_NAME}"
        COMMAND_EXPAND_LISTS VERBATIM)
    target_sources(${target} PRIVATE ${header})
    target_include_directories(${target} PRIVATE ${folder})
endfunction()
