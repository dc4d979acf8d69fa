# SPDX-License-Identifier: MIT
# vkn_add_driver_tests(<name> [LONG] [TIMEOUT <s>] [COST <n>] [DRIVERS <driver>...] [ENVIRONMENT <VAR=value>...]
#                      [NO_VALIDATION] [PASS_REGULAR_EXPRESSION <regex>...] [EXPECT_VALIDATION <regex>]
#                      COMMAND <command>...)
# registers the test <driver>.<name> for the CPU drivers lavapipe and swiftshader (or those of DRIVERS), and gpu.<name>
# for the device that VKNORM_TEST_GPU names. The validation layer, where it is installed, watches each of them, core and
# synchronization checks, and any message of it fails the test. EXPECT_VALIDATION turns that round: the test passes only
# if the layer prints such a message. With PASS_REGULAR_EXPRESSION ctest does not look at the exit status: prefer that.
# A driver that is not installed gives a disabled test, so that ctest lists what did not run. LONG: all of what another
# test has a part of; only `ctest -C long` has it, with the label long. Tests of a higher COST begin first, so that no
# long one is left to run alone: unless told, SwiftShader's, which compiles for long.
enable_testing()

set(VKNORM_TEST_GPU "" CACHE STRING "A part of the name of a GPU that the tests run on as well")

# Sets the cache variable <variable>, where it is empty, to the first file <pattern> among the folders where loaders look
# for manifests. OFF leaves that driver out.
function(vkn_find_manifest variable folder pattern doc)
    if(NOT "${${variable}}" STREQUAL "")
        return()
    endif()
    set(places /usr/share/vulkan /usr/local/share/vulkan /etc/vulkan $ENV{HOME}/.local/share/vulkan)
    list(TRANSFORM places APPEND /${folder}/${pattern})
    foreach(place ${ARGN})
        list(APPEND places ${place}/${pattern})
    endforeach()
    file(GLOB found LIST_DIRECTORIES false ${places})
    if(found)
        list(GET found 0 found)
    endif()
    set(${variable} "${found}" CACHE FILEPATH "${doc}" FORCE)
endfunction()

vkn_find_manifest(VKNORM_LAVAPIPE_ICD icd.d "lvp_icd*.json" "lavapipe's driver manifest")
vkn_find_manifest(VKNORM_SWIFTSHADER_ICD icd.d "vk_swiftshader_icd.json" "SwiftShader's driver manifest"
    /usr/lib/chromium /usr/lib64/chromium-browser /usr/lib/chromium-browser /opt/google/chrome /snap/chromium/current/usr/lib/chromium-browser)
vkn_find_manifest(VKNORM_RADV_ICD icd.d "radeon_icd*.json" "RADV's driver manifest")
vkn_find_manifest(VKNORM_VALIDATION_LAYER explicit_layer.d "VkLayer_khronos_validation.json"
    "The manifest of the Khronos validation layer")

set(VKN_VALIDATION_MESSAGE "VUID-" "SYNC-HAZARD" "UNASSIGNED-" "Validation (Error|Warning|Performance)")
set(VKN_LSAN_SUPPRESSIONS ${CMAKE_CURRENT_LIST_DIR}/../tests/lsan.supp)

# The loader unloads drivers; a leak of theirs can be told from ours only while they are there.
set(VKN_SANITIZER_ENVIRONMENT)
if(VKNORM_SANITIZE)
    if(NOT TARGET vkn_keep_loaded)
        add_library(vkn_keep_loaded SHARED ${CMAKE_CURRENT_LIST_DIR}/../tests/keep_loaded.c)
    endif()
    set(VKN_SANITIZER_ENVIRONMENT LSAN_OPTIONS=suppressions=${VKN_LSAN_SUPPRESSIONS}:print_suppressions=0
        ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=1 LD_PRELOAD=$<TARGET_FILE:vkn_keep_loaded>)
endif()

# The reasons for disabled tests, once for a whole configuration.
foreach(driver LAVAPIPE SWIFTSHADER)
    if(NOT VKNORM_${driver}_ICD)
        message(STATUS "No tests on ${driver}: its driver manifest is not installed (set VKNORM_${driver}_ICD)")
    endif()
endforeach()
if(NOT VKNORM_VALIDATION_LAYER)
    message(STATUS "Tests run without validation: VK_LAYER_KHRONOS_validation is not installed")
endif()

function(vkn_add_driver_tests name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "LONG;NO_VALIDATION" "TIMEOUT;COST;EXPECT_VALIDATION"
        "DRIVERS;ENVIRONMENT;PASS_REGULAR_EXPRESSION;COMMAND")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_COMMAND)
        message(FATAL_ERROR "vkn_add_driver_tests(${name}): bad arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_DRIVERS)
        set(arg_DRIVERS lavapipe swiftshader)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 900)
    endif()
    set(configurations)
    set(labels)
    if(arg_LONG)
        set(configurations CONFIGURATIONS long)
        set(labels long)
        set(arg_TIMEOUT 3600)
    endif()
    if(VKNORM_TEST_GPU)
        list(APPEND arg_DRIVERS gpu)
    endif()

    set(environment ${arg_ENVIRONMENT})
    set(validated FALSE)
    if(VKNORM_VALIDATION_LAYER AND NOT arg_NO_VALIDATION)
        set(validated TRUE)
        # The second is what older layers read, the others what newer ones do: what shaders touch has a setting of its own.
        list(APPEND environment VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
            VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT VK_VALIDATION_VALIDATE_SYNC=true
            VK_VALIDATION_SYNCVAL_SHADER_ACCESSES_HEURISTIC=true)
    endif()
    list(APPEND environment ${VKN_SANITIZER_ENVIRONMENT})

    foreach(driver ${arg_DRIVERS})
        set(test ${driver}.${name})
        add_test(NAME ${test} ${configurations} COMMAND ${arg_COMMAND})
        set(driver_environment ${environment})
        set(enabled TRUE)
        if(driver STREQUAL gpu)
            list(APPEND driver_environment VKNORM_DEVICE=${VKNORM_TEST_GPU})
        else()
            string(TOUPPER ${driver} upper)
            set(icd ${VKNORM_${upper}_ICD})
            list(APPEND driver_environment VK_ICD_FILENAMES=${icd} VK_DRIVER_FILES=${icd})
            # LeakSanitizer crashes on SwiftShader's threads; leaks of ours show on the other driver.
            if(driver STREQUAL swiftshader)
                list(TRANSFORM driver_environment REPLACE "detect_leaks=1" "detect_leaks=0")
            endif()
            if(NOT icd)
                set(enabled FALSE)
            endif()
        endif()
        if(arg_EXPECT_VALIDATION)
            set(arg_PASS_REGULAR_EXPRESSION ${arg_EXPECT_VALIDATION})
            if(NOT validated)
                set(enabled FALSE)
            endif()
        else()
            set_property(TEST ${test} PROPERTY FAIL_REGULAR_EXPRESSION ${VKN_VALIDATION_MESSAGE})
        endif()
        if(arg_PASS_REGULAR_EXPRESSION)
            set_property(TEST ${test} PROPERTY PASS_REGULAR_EXPRESSION ${arg_PASS_REGULAR_EXPRESSION})
        endif()
        if(NOT enabled)
            set_property(TEST ${test} PROPERTY DISABLED TRUE)
        endif()
        set_property(TEST ${test} PROPERTY ENVIRONMENT ${driver_environment})
        set(cost ${arg_COST})
        if(NOT cost AND driver STREQUAL swiftshader)
            set(cost 2)
        elseif(NOT cost)
            set(cost 1)
        endif()
        set_tests_properties(${test} PROPERTIES TIMEOUT ${arg_TIMEOUT} COST ${cost} LABELS "${driver};${labels}")
    endforeach()
endfunction()
