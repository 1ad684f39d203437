# SPDX-License-Identifier: Apache-2.0
# Access lists. CMakeLists.txt beside this file includes it.
set(world "${CMAKE_SOURCE_DIR}/tests/support/world_builder.c"
    "${CMAKE_SOURCE_DIR}/core/agent/verdict.c")
seine_test(test_acl SOURCES test_acl.c lists.c ${world} DEPS seine_pipeline)
seine_test(test_acl_text SOURCES test_acl_text.c DEPS seine_acl)
seine_test(test_acl_examples SOURCES test_acl_examples.c ${world} DEPS seine_pipeline)
seine_test(test_acl_random SOURCES test_acl_random.c lists.c ${world} DEPS seine_pipeline)
seine_test(test_acl_target SOURCES test_acl_target.c lists.c
           "${CMAKE_SOURCE_DIR}/tests/support/fake_hcn.c" ${world} DEPS seine_pipeline)
