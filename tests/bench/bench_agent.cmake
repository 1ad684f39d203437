# SPDX-License-Identifier: Apache-2.0
# The benches as tests: release programs, few rounds, beside other tests. Counts and memory fail where a limit is broken; times
# are told and judged by who runs run.py on a machine that does nothing else.
if(SEINE_SANITIZE AND NOT SEINE_FUZZ)
    find_package(Python3 COMPONENTS Interpreter REQUIRED)
    foreach(bench IN ITEMS flows json cni agent services windows)
        add_test(NAME bench-${bench}
                 COMMAND ${Python3_EXECUTABLE} "${CMAKE_CURRENT_LIST_DIR}/run.py" ${bench}
                 WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
        set_tests_properties(bench-${bench} PROPERTIES LABELS bench TIMEOUT 1200
            SKIP_RETURN_CODE 77 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;SEINE_BENCH_UNTIMED=1")
    endforeach()
    set_tests_properties(bench-windows PROPERTIES FIXTURES_REQUIRED windows-build RESOURCE_LOCK wine)
endif()
