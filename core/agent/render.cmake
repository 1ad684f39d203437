# SPDX-License-Identifier: Apache-2.0
# seine_render: what the agent can do without a switch: `render`, and the verdicts of `seinectl why`.
# core/agent/CMakeLists.txt includes this file.
seine_library(seine_render
    SOURCES "${CMAKE_CURRENT_LIST_DIR}/render.c" "${CMAKE_CURRENT_LIST_DIR}/verdict.c"
            "${CMAKE_CURRENT_LIST_DIR}/verdict_text.c"
    DEPS seine_pipeline seine_k8s seine_platform seine_ovs PkgConfig::CJSON)
