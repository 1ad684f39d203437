# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_cni SOURCES fuzz_cni.c DEPS seine_cni_codec
           CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/cni")
