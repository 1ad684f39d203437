# SPDX-License-Identifier: Apache-2.0
# seine_library(NAME SOURCES a.c ... [DEPS lib ...]): a static library of one folder.
function(seine_library name)
    cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
    add_library(${name} STATIC ${A_SOURCES})
    target_link_libraries(${name} PUBLIC ${A_DEPS})
endfunction()

# seine_unit(NAME LABEL ...): what every unit test has. For Windows it runs under Wine, which a fixture starts. The time-out is
# for what hangs: the longest takes a few seconds, and minutes under Wine on a busy machine.
function(seine_unit name)
    set_tests_properties(${name} PROPERTIES LABELS "${ARGN}" TIMEOUT 600 SKIP_RETURN_CODE 77)
    if(CMAKE_SYSTEM_NAME STREQUAL "Windows")
        set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED wine)
    endif()
endfunction()

# seine_test(NAME SOURCES ... [DEPS lib ...] [LABELS l ...] [PROGRAM MACRO target] [LINUX_ONLY]): one cmocka program, one
# CTest test of the same name, label "unit"; exit 77 is "skipped". MACRO is the path of a program that it runs.
# LINUX_ONLY: what only Linux has is tested; it is absent elsewhere.
function(seine_test name)
    cmake_parse_arguments(A "LINUX_ONLY" "" "SOURCES;DEPS;LABELS;PROGRAM" ${ARGN})
    if(A_LINUX_ONLY AND NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
        return()
    endif()
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE ${A_DEPS} PkgConfig::CMOCKA)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    if(A_PROGRAM)
        list(GET A_PROGRAM 0 macro)
        list(GET A_PROGRAM 1 program)
        target_compile_definitions(${name} PRIVATE ${macro}="$<TARGET_FILE:${program}>")
        add_dependencies(${name} ${program})
    endif()
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set(labels unit ${A_LABELS})
    if(A_LINUX_ONLY)
        list(APPEND labels linux-only)
    endif()
    seine_unit(${name} ${labels})
endfunction()

# seine_fuzz(NAME SOURCES ... DEPS ... CORPUS dir): a libFuzzer program with -DSEINE_FUZZ=ON; in
# every other build the same source becomes a unit test that replays its kept corpus.
function(seine_fuzz name)
    cmake_parse_arguments(A "" "CORPUS" "SOURCES;DEPS" ${ARGN})
    if(SEINE_FUZZ)
        add_executable(${name} ${A_SOURCES})
        add_dependencies(fuzz-programs ${name})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        target_link_libraries(${name} PRIVATE ${A_DEPS})
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
    else()
        add_executable(${name} ${A_SOURCES} "${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c")
        target_link_libraries(${name} PRIVATE ${A_DEPS})
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
        add_test(NAME ${name} COMMAND ${name} "${A_CORPUS}" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
        seine_unit(${name} unit)
        # In the tree that tests/run.sh tests: some seconds of libFuzzer too, built by fuzz-build
        # (tests/fuzz/run.sh keeps what it finds in build/fuzz/corpus/NAME, and fuzzes as long as one likes).
        if(SEINE_SANITIZE)
            add_test(NAME ${name}-live
                     COMMAND "${CMAKE_SOURCE_DIR}/tests/fuzz/run.sh" ${name} "${A_CORPUS}" 20
                     WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
            set_tests_properties(${name}-live PROPERTIES LABELS fuzz TIMEOUT 300
                FIXTURES_REQUIRED fuzz-build SKIP_RETURN_CODE 77)
        endif()
    endif()
endfunction()
