# SPDX-License-Identifier: MIT
# What `cmake --install` puts in place: the library, its headers, find_package(vknorm) and vknorm.pc.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/vknorm)

install(TARGETS vknorm EXPORT vknormTargets)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT vknormTargets NAMESPACE vknorm:: DESTINATION ${package})
configure_package_config_file(cmake/vknormConfig.cmake.in vknormConfig.cmake INSTALL_DESTINATION ${package})
# Until 1.0 each minor version may change the API.
write_basic_package_version_file(vknormConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vknormConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/vknormConfigVersion.cmake
    DESTINATION ${package})

# vknorm.pc finds its prefix from where it lies, unless the folders were given as absolute paths.
set(pc_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
foreach(folder IN ITEMS INCLUDEDIR LIBDIR)
    if(IS_ABSOLUTE ${CMAKE_INSTALL_${folder}})
        set(pc_${folder} ${CMAKE_INSTALL_${folder}})
    else()
        set(pc_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
    endif()
endforeach()
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
    file(RELATIVE_PATH up /root/${pc_folder} /root)
    string(REGEX REPLACE "/$" "" up ${up})
    set(pc_prefix "\${pcfiledir}/${up}")
endif()
# Vulkan's headers where no compiler looks by itself. Not `Requires: vulkan`: that would link the loader.
set(pc_cflags "-I\${includedir}")
if(NOT VKN_VULKAN_INCLUDE_DIR IN_LIST CMAKE_C_IMPLICIT_INCLUDE_DIRECTORIES)
    string(APPEND pc_cflags " -I${VKN_VULKAN_INCLUDE_DIR}")
endif()
# A shared library names its own dependencies; who links the static one must link them too.
set(pc_system_libs "-pthread")
foreach(library IN LISTS CMAKE_DL_LIBS)
    string(APPEND pc_system_libs " -l${library}")
endforeach()
if(BUILD_SHARED_LIBS)
    set(pc_libs "")
    set(pc_libs_private ${pc_system_libs})
else()
    set(pc_libs " ${pc_system_libs}")
    set(pc_libs_private "")
endif()
configure_file(cmake/vknorm.pc.in vknorm.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vknorm.pc DESTINATION ${pc_folder})
