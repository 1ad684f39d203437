# SPDX-License-Identifier: Apache-2.0
seine_fuzz(fuzz_ovsdb SOURCES fuzz_ovsdb.c DEPS seine_ovsio
           CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/ovsdb")
