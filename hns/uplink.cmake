# SPDX-License-Identifier: Apache-2.0
# seine_uplink: taking a physical adapter over, and its journal.
seine_library(seine_uplink
    SOURCES uplink.c uplink_journal.c
    DEPS seine_platform seine_base PkgConfig::CJSON)
