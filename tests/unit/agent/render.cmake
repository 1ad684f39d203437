# SPDX-License-Identifier: Apache-2.0
# CMakeLists.txt beside this file includes it.
seine_test(test_render SOURCES test_render.c "${CMAKE_SOURCE_DIR}/tests/support/capture.c"
    DEPS seine_render)
target_compile_definitions(test_render PRIVATE SCRATCH="${CMAKE_CURRENT_BINARY_DIR}")
