# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_http SOURCES fuzz_http.c DEPS seine_io CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/http")
