# SPDX-License-Identifier: Apache-2.0
# cmake --build --preset windows --target msi: seine-VERSION-x64.msi in the build folder.
if(CMAKE_SYSTEM_NAME STREQUAL "Windows")
    add_custom_target(msi COMMAND "${CMAKE_SOURCE_DIR}/installer/windows/msi.sh" "${CMAKE_BINARY_DIR}" VERBATIM)
    add_dependencies(msi seine-agent seine-cni seinectl seine_version_text)
endif()
