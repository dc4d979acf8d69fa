# SPDX-License-Identifier: MIT
# vkn_merge_objects(<variable> <library>...) sets <variable> to one object file made of all of the libraries', in
# which only symbols of default visibility are global. A static archive keeps hidden symbols linkable, so without this
# an application that uses volk itself, or links libvulkan, would clash with the copy of volk inside. Where the
# toolchain cannot do it <variable> is the plain list of objects.
function(vkn_merge_objects variable)
    list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
    # The compiler drives the linker, for it knows the target; neither sanitizers nor LTO may add to a partial link.
    separate_arguments(flags NATIVE_COMMAND "${CMAKE_C_FLAGS}")
    set(merge ${CMAKE_C_COMPILER} ${flags})
    if(CMAKE_C_COMPILER_TARGET AND CMAKE_C_COMPILE_OPTIONS_TARGET)
        list(APPEND merge ${CMAKE_C_COMPILE_OPTIONS_TARGET}${CMAKE_C_COMPILER_TARGET})
    endif()
    list(APPEND merge -fno-sanitize=all -fno-lto -r -nostdlib -o)
    vkn_check_merge("${merge}" works)
    if(NOT works)
        message(STATUS "vknorm: this toolchain cannot merge objects and hide symbols: plain static archive")
        set(${variable} ${objects} PARENT_SCOPE)
        return()
    endif()
    foreach(library IN LISTS ARGN)
        target_compile_options(${library} PRIVATE -fno-lto) # objcopy must see symbols, not LTO's intermediate code
    endforeach()
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/merged/$<CONFIG>)
    add_custom_command(
        OUTPUT ${folder}/vknorm.o
        COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
        COMMAND ${merge} ${folder}/all.o ${objects}
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${folder}/all.o ${folder}/vknorm.o
        COMMAND ${CMAKE_COMMAND} -E rm ${folder}/all.o
        DEPENDS ${objects}
        COMMENT "Merging objects, hiding internal symbols"
        COMMAND_EXPAND_LISTS VERBATIM)
    set(${variable} ${folder}/vknorm.o PARENT_SCOPE)
endfunction()

# Tries the two steps on an object with a hidden and a visible function; <variable> is whether nm then sees only one.
function(vkn_check_merge merge variable)
    set(${variable} FALSE PARENT_SCOPE)
    if(NOT CMAKE_OBJCOPY OR NOT CMAKE_NM)
        return()
    endif()
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/merged)
    file(WRITE ${folder}/probe.c
        "int vkn_hidden(void);\n"
        "__attribute__((visibility(\"hidden\"))) int vkn_hidden(void) { return 1; }\n"
        "int vkn_visible(void);\n"
        "int vkn_visible(void) { return vkn_hidden(); }\n")
    set(compile ${merge})
    list(FILTER compile EXCLUDE REGEX "^(-r|-nostdlib|-o)$")
    foreach(command
            "${compile};-fPIC;-c;probe.c;-o;probe.o"
            "${merge};merged.o;probe.o"
            "${CMAKE_OBJCOPY};--localize-hidden;merged.o;localized.o"
            "${CMAKE_NM};-g;--defined-only;localized.o")
        execute_process(COMMAND ${command} WORKING_DIRECTORY ${folder}
            RESULT_VARIABLE result OUTPUT_VARIABLE symbols ERROR_QUIET)
        if(NOT result EQUAL 0)
            return()
        endif()
    endforeach()
    if(symbols MATCHES "vkn_visible" AND NOT symbols MATCHES "vkn_hidden")
        set(${variable} TRUE PARENT_SCOPE)
    endif()
endfunction()
