# SPDX-License-Identifier: MIT
# What each mistake is known for, in the figures of --json.
execute_process(COMMAND ${PROGRAM} --json --epochs 6 OUTPUT_VARIABLE json COMMAND_ERROR_IS_FATAL ANY)

# check(<table> <row> <column> LESS|GREATER <number>)
function(check table row column relation bound)
    string(JSON value GET "${json}" ${table} rows ${row} ${column})
    if(NOT value ${relation} bound)
        message(FATAL_ERROR "${table}, row ${row}, ${column}: ${value}, expected ${relation} ${bound}\n${json}")
    endif()
endfunction()
function(check_remark table text)
    string(JSON remark GET "${json}" ${table} remark)
    string(FIND "${remark}" "${text}" found)
    if(found EQUAL -1)
        message(FATAL_ERROR "${table}: '${remark}', expected '${text}'")
    endif()
endfunction()

# In eval mode two at a time are as good as all at once; in train mode, the fewer the worse.
string(JSON whole GET "${json}" train_mode rows 0 "test accuracy")
string(JSON pairs GET "${json}" train_mode rows 1 "test accuracy")
if(NOT whole STREQUAL pairs)
    message(FATAL_ERROR "eval: ${whole} at once, ${pairs} in pairs")
endif()
check(train_mode 0 "test accuracy" GREATER 0.85)
check(train_mode 5 "test accuracy" LESS 0.75)
check(train_mode 6 "test accuracy" LESS 0.5)

# In eval mode the running statistics stay where they are.
check(eval_mode 5 "accuracy, train()" GREATER 0.85)
check_remark(eval_mode "and by 0 with eval()")

check(batch_of_one 2 accuracy GREATER 0.85)
check(batch_of_one 2 "largest difference of a logit" LESS 1e-4)
check_remark(batch_of_one "Expected more than 1 value per channel when training, got input size [1, 32]")

# Right: each feature has mean 0 and variance 1, but for what eps takes; wrong: they are far from it.
foreach(feature RANGE 1 6)
    check(axis ${feature} variance GREATER 0.99)
    check(axis ${feature} variance LESS 1.001)
    check(axis ${feature} "mean, D as channels" LESS 1e-5)
endforeach()
check(axis 0 "mean, T as channels" LESS -0.5)
check(axis 0 "variance, T" LESS 0.1)
check_remark(axis "should contain 4 elements not 8")

# The bias has no gradient, and only Adam moves it.
check(bias 0 "last gradient" GREATER 1e-3)
check(bias 1 "last gradient" LESS 1e-7)
check(bias 1 "moved by SGD" LESS 1e-7)
check(bias 1 "moved by Adam" GREATER 1e-4)
