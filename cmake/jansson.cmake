# SPDX-License-Identifier: MIT
# The target vknorm::jansson, where jansson is installed. Not every system's package has CMake files, Debian's has not.
find_path(VKN_JANSSON_INCLUDE_DIR jansson.h)
find_library(VKN_JANSSON_LIBRARY jansson)
mark_as_advanced(VKN_JANSSON_INCLUDE_DIR VKN_JANSSON_LIBRARY)
if(VKN_JANSSON_INCLUDE_DIR AND VKN_JANSSON_LIBRARY)
    set(VKN_JANSSON_FOUND ON)
    add_library(vknorm::jansson UNKNOWN IMPORTED GLOBAL)
    set_target_properties(vknorm::jansson PROPERTIES IMPORTED_LOCATION ${VKN_JANSSON_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${VKN_JANSSON_INCLUDE_DIR})
else()
    set(VKN_JANSSON_FOUND OFF)
endif()

option(VKNORM_STATE "Save and load layers as .safetensors files (needs jansson)" ${VKN_JANSSON_FOUND})
if(VKNORM_STATE AND NOT VKN_JANSSON_FOUND)
    message(FATAL_ERROR "The state of layers needs jansson (Debian, Ubuntu: libjansson-dev). "
        "Without it, configure with -DVKNORM_STATE=OFF.")
endif()
