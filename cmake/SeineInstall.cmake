# SPDX-License-Identifier: Apache-2.0
# cmake --install TREE --prefix P: the programs in P/bin, the CNI plugin also in P/lib/cni, where a
# runtime's cni_plugin_dirs can point. seinectl is also kubectl's plugin "seine".
foreach(program IN ITEMS seine-agent seine-cni seinectl)
    if(TARGET ${program})
        install(TARGETS ${program} RUNTIME DESTINATION bin)
    endif()
endforeach()
if(TARGET seine-cni)
    install(PROGRAMS "$<TARGET_FILE:seine-cni>" DESTINATION lib/cni)
endif()
if(TARGET seinectl AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    install(CODE "
        file(CREATE_LINK seinectl
            \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/kubectl-seine\" SYMBOLIC)")
endif()
