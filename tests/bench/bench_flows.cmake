# SPDX-License-Identifier: Apache-2.0
if(TARGET seine_engine AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    add_executable(bench_flows bench_flows.c)
    target_link_libraries(bench_flows PRIVATE seine_ovs_testing seine_engine)
    set_target_properties(bench_flows PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
endif()
