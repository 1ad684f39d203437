# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_cache SOURCES fuzz_cache.c DEPS seine_k8s CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/cache")
