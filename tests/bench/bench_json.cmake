# SPDX-License-Identifier: Apache-2.0
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    add_executable(bench_json bench_json.c "${CMAKE_SOURCE_DIR}/tests/unit/k8s/proto_build.c")
    target_link_libraries(bench_json PRIVATE seine_k8s)
    set_target_properties(bench_json PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
endif()
