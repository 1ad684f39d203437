# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_openflow SOURCES fuzz_openflow.c DEPS seine_ovs
           CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/openflow")
