# SPDX-License-Identifier: MIT
# Each shader; those that reduce within a team also in a variant with subgroup shuffles.
set(VKN_TEAM_SHADERS norm_row norm_row_grad stats_rows merge_stats grad_stats_rows merge_sums)
set(VKN_OTHER_SHADERS stats_columns apply_rows apply_columns grad_stats_columns grad_apply_rows grad_apply_columns
    running count_batches)
foreach(name IN LISTS VKN_TEAM_SHADERS VKN_OTHER_SHADERS)
    vkn_add_shader(vknorm_objects ${PROJECT_SOURCE_DIR}/shaders/${name}.comp)
endforeach()
foreach(name IN LISTS VKN_TEAM_SHADERS)
    vkn_add_shader(vknorm_objects ${PROJECT_SOURCE_DIR}/shaders/${name}.comp NAME ${name}_subgroup DEFINES SUBGROUP)
endforeach()
