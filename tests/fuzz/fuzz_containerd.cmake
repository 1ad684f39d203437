# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_containerd SOURCES fuzz_containerd.c DEPS seine_containerd
           CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/containerd")
