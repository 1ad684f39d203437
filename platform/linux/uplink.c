/* SPDX-License-Identifier: Apache-2.0
 *
 * Uplinks: not taken over on Linux, where a node's adapter is not needed on the bridge. */
#include "platform/uplink.h"

static int uplink_unsupported(struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "an uplink is taken over on Windows only");
}

int uplink_adapter_by_name(const char *name, struct uplink_adapter *out, struct err *err)
{
    (void)name, (void)out;
    return uplink_unsupported(err);
}

int uplink_adapter_by_guid(const struct guid *guid, struct uplink_adapter *out, struct err *err)
{
    (void)guid, (void)out;
    return uplink_unsupported(err);
}

int uplink_adapter_by_address(const struct ip *ip, struct uplink_adapter *out, struct err *err)
{
    (void)ip, (void)out;
    return uplink_unsupported(err);
}

int uplink_adapter_restore(const struct guid *guid, const struct uplink_adapter *want, bool all,
                           struct err *err)
{
    (void)guid, (void)want, (void)all;
    return uplink_unsupported(err);
}

int uplink_adapter_rename(const struct guid *guid, const char *name, struct err *err)
{
    (void)guid, (void)name;
    return uplink_unsupported(err);
}
