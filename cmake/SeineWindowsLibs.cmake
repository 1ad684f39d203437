# SPDX-License-Identifier: Apache-2.0
# The libraries that installer/windows/libs.sh cross-builds, under the names that pkg-config gives on Linux.
execute_process(COMMAND "${CMAKE_SOURCE_DIR}/installer/windows/libs.sh" --find
                OUTPUT_VARIABLE SEINE_WINDOWS_LIBS OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "the libraries for Windows are not built: installer/deps.sh windows")
endif()
message(STATUS "Libraries for Windows: ${SEINE_WINDOWS_LIBS}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/installer/windows/libs.sh")

# windows_lib(TARGET ARCHIVE [LIBS what it needs of the system ...] [DEFINES ...])
function(windows_lib target archive)
    cmake_parse_arguments(A "" "" "LIBS;DEFINES" ${ARGN})
    add_library(${target} STATIC IMPORTED)
    set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION "${SEINE_WINDOWS_LIBS}/lib/lib${archive}.a"
        INTERFACE_INCLUDE_DIRECTORIES "${SEINE_WINDOWS_LIBS}/include"
        INTERFACE_COMPILE_DEFINITIONS "${A_DEFINES}"
        INTERFACE_LINK_LIBRARIES "${A_LIBS}")
endfunction()

windows_lib(PkgConfig::UV uv LIBS psapi user32 advapi32 iphlpapi userenv ws2_32)
windows_lib(PkgConfig::CJSON cjson DEFINES CJSON_HIDE_SYMBOLS)
windows_lib(seine_libcrypto crypto LIBS ws2_32 crypt32 advapi32 user32)
windows_lib(PkgConfig::OPENSSL ssl LIBS seine_libcrypto)
windows_lib(PkgConfig::YAML yaml DEFINES YAML_DECLARE_STATIC)
windows_lib(PkgConfig::CMOCKA cmocka)
windows_lib(http_parser http_parser)
windows_lib(PkgConfig::NGHTTP2 nghttp2 DEFINES NGHTTP2_STATICLIB)
windows_lib(PkgConfig::ZLIB z)
