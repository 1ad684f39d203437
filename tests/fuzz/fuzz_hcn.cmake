# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_hcn SOURCES fuzz_hcn.c DEPS seine_hns
           CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/hcn")
