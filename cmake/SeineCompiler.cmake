# SPDX-License-Identifier: Apache-2.0
# Language, warnings (as errors) and sanitizers for every target of this tree.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla -Wformat=2 -Wcast-qual
    -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations
    -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    add_compile_options(-Wmissing-variable-declarations)
endif()
if(CMAKE_SYSTEM_NAME STREQUAL "Windows")
    add_compile_options(-Wno-float-conversion) # mingw's isnan() and its like convert inside
endif()
# Assertions stay in every build: an agent that is wrong about itself stops and starts again.
foreach(type IN ITEMS RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()
option(SEINE_WERROR "Warnings are errors" ON)
if(SEINE_WERROR)
    add_compile_options(-Werror)
endif()
# POSIX and the C library's extensions that platform/linux needs; harmless elsewhere.
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fno-omit-frame-pointer)

option(SEINE_SYNTAX_ONLY "Make no programs: the compiler only looks for what it warns of (clang)" OFF)
if(SEINE_SYNTAX_ONLY)
    set(CMAKE_C_COMPILE_OBJECT
        "<CMAKE_C_COMPILER> <DEFINES> <INCLUDES> <FLAGS> -fsyntax-only <SOURCE>" "<CMAKE_COMMAND> -E touch <OBJECT>")
    set(CMAKE_C_CREATE_STATIC_LIBRARY "<CMAKE_COMMAND> -E touch <TARGET>")
    set(CMAKE_C_LINK_EXECUTABLE "<CMAKE_COMMAND> -E touch <TARGET>")
endif()
option(SEINE_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
if(SEINE_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
endif()
option(SEINE_FUZZ "Build libFuzzer targets (clang only)" OFF)
if(SEINE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_custom_target(fuzz-programs)
endif()
