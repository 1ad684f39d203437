/* SPDX-License-Identifier: Apache-2.0
 *
 * Where an adapter's MAC is written: an adapter of the test's own in the registry, which no driver
 * serves.  That a driver takes it only a Windows machine shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <wchar.h>

#include "platform/windows/netif_mac.h"

#define CLASS L"SYSTEM\\CurrentControlSet\\Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}"
#define OURS CLASS L"\\9876"
static const GUID adapter = {
    0x5e13e001, 0x1234, 0x4abc, {0x90, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07}};

static int adapter_setup(void **state)
{
    (void)state;
    static const wchar_t id[] = L"{5E13E001-1234-4ABC-9001-020304050607}";
    return RegSetKeyValueW(HKEY_LOCAL_MACHINE, OURS, L"NetCfgInstanceId", REG_SZ, id, sizeof id);
}

static int adapter_teardown(void **state)
{
    (void)state;
    return RegDeleteTreeW(HKEY_LOCAL_MACHINE, OURS);
}

static void the_driver_s_settings_get_the_mac(void **state)
{
    (void)state;
    static const struct mac mac = {{0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f}};
    wchar_t value[32] = L"";
    DWORD size = sizeof value;
    struct err err = {0};
    /* Written, but there is no device that could start anew. */
    assert_int_equal(netif_mac_set(&adapter, &mac, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "its device: "));
    assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE, OURS, L"NetworkAddress", RRF_RT_REG_SZ, NULL,
                                  value, &size),
                     0);
    assert_int_equal(wcscmp(value, L"0A1B2C3D4E5F"), 0);
}

static void an_adapter_without_settings_is_told(void **state)
{
    (void)state;
    static const struct mac mac = {{2, 0, 0, 0, 0, 1}};
    GUID other = adapter;
    struct err err = {0};
    other.Data1++;
    assert_int_equal(netif_mac_set(&other, &mac, &err), ERR_NOT_FOUND);
    assert_string_equal(err.text, "its driver's settings: No such device or entry");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_driver_s_settings_get_the_mac, adapter_setup,
                                        adapter_teardown),
        cmocka_unit_test(an_adapter_without_settings_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
