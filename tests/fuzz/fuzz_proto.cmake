# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_proto SOURCES fuzz_proto.c DEPS seine_k8s CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/proto")
