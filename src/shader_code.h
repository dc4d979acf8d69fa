// SPDX-License-Identifier: MIT
// The SPIR-V of every shader, as the build made it.
#ifndef VKN_SHADER_CODE_H
#define VKN_SHADER_CODE_H
#include "apply_columns.spv.h"
#include "apply_rows.spv.h"
#include "count_batches.spv.h"
#include "grad_apply_columns.spv.h"
#include "grad_apply_rows.spv.h"
#include "grad_stats_columns.spv.h"
#include "grad_stats_rows.spv.h"
#include "grad_stats_rows_subgroup.spv.h"
#include "merge_stats.spv.h"
#include "merge_stats_subgroup.spv.h"
#include "merge_sums.spv.h"
#include "merge_sums_subgroup.spv.h"
#include "norm_row.spv.h"
#include "norm_row_grad.spv.h"
#include "norm_row_grad_subgroup.spv.h"
#include "norm_row_subgroup.spv.h"
#include "running.spv.h"
#include "stats_columns.spv.h"
#include "stats_rows.spv.h"
#include "stats_rows_subgroup.spv.h"

#endif
