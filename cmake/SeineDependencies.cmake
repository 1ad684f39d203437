# SPDX-License-Identifier: Apache-2.0
# The libraries Seine is built on; installer/deps.sh build (or windows) installs them. Both systems give the same target
# names.
if(CMAKE_SYSTEM_NAME STREQUAL "Windows")
    include(SeineWindowsLibs)
    return()
endif()
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
# http-parser ships no .pc file.
find_path(HTTP_PARSER_INCLUDE http_parser.h REQUIRED)
find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)
add_library(http_parser INTERFACE IMPORTED)
target_include_directories(http_parser INTERFACE "${HTTP_PARSER_INCLUDE}")
target_link_libraries(http_parser INTERFACE "${HTTP_PARSER_LIBRARY}")
