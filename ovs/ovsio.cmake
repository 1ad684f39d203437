# SPDX-License-Identifier: Apache-2.0
# seine_ovsio: the OVSDB client, switchdb, and what binds OpenFlow sessions to streams.
set(ovsio_sources
    ovsdb_client.c ovsdb_datum.c ovsdb_json.c ovsdb_op.c ovsdb_replica.c ovsdb_session.c
    reconnect.c switchdb.c switchdb_model.c switchdb_ops.c unixctl.c)
if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/flow_target.c")
    list(APPEND ovsio_sources flow_target.c)
endif()
seine_library(seine_ovsio SOURCES ${ovsio_sources}
    DEPS seine_ovs seine_engine seine_platform seine_io seine_base PkgConfig::CJSON m)
