# SPDX-License-Identifier: MIT
# Each shader, and its variants: SUBGROUP reduces within a team through subgroup shuffles; with TEXEL_BUFFERS, too, it
# reads x and dy as texels, those of 16 bits in whole words; NARROW takes f16 and bf16; with STORAGE_16BIT, too, it
# stores halves.
set(VKN_REDUCING_SHADERS norm_row norm_row_grad norm_columns stats_rows stats_columns grad_stats_rows grad_stats_columns)
set(VKN_HALVES_SHADERS ${VKN_REDUCING_SHADERS} apply_rows apply_columns grad_apply_rows grad_apply_columns)
set(VKN_SUBGROUP_SHADERS ${VKN_REDUCING_SHADERS} merge_stats merge_sums)
set(VKN_NARROW_SHADERS ${VKN_HALVES_SHADERS} merge_sums)
set(VKN_SHADERS ${VKN_NARROW_SHADERS} merge_stats running running_statistics count_batches)

function(vkn_add_variants name suffix)
    set(source ${PROJECT_SOURCE_DIR}/shaders/${name}.comp)
    vkn_add_shader(vknorm_objects ${source} NAME ${name}${suffix} DEFINES ${ARGN})
    if(name IN_LIST VKN_NARROW_SHADERS)
        vkn_add_shader(vknorm_objects ${source} NAME ${name}${suffix}_narrow DEFINES ${ARGN} NARROW)
    endif()
    if(name IN_LIST VKN_HALVES_SHADERS AND NOT TEXEL_BUFFERS IN_LIST ARGN)
        vkn_add_shader(vknorm_objects ${source} NAME ${name}${suffix}_halves DEFINES ${ARGN} NARROW STORAGE_16BIT)
    endif()
endfunction()

foreach(name IN LISTS VKN_SHADERS)
    vkn_add_variants(${name} "")
    if(name IN_LIST VKN_SUBGROUP_SHADERS)
        vkn_add_variants(${name} _subgroup SUBGROUP)
    endif()
    if(name IN_LIST VKN_HALVES_SHADERS)
        vkn_add_variants(${name} _texels SUBGROUP TEXEL_BUFFERS)
    endif()
endforeach()
