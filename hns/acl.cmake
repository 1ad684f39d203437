# SPDX-License-Identifier: Apache-2.0
# seine_acl: intents to access lists. hns/CMakeLists.txt includes this file.
seine_library(seine_acl
    SOURCES "${CMAKE_CURRENT_LIST_DIR}/acl.c" "${CMAKE_CURRENT_LIST_DIR}/acl_decide.c" "${CMAKE_CURRENT_LIST_DIR}/acl_peers.c"
            "${CMAKE_CURRENT_LIST_DIR}/acl_rule.c" "${CMAKE_CURRENT_LIST_DIR}/acl_terms.c"
            "${CMAKE_CURRENT_LIST_DIR}/acl_target.c" "${CMAKE_CURRENT_LIST_DIR}/acl_text.c"
    DEPS seine_hns seine_intent seine_engine seine_store seine_base)
