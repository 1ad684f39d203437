/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/os.h"

#include <windows.h>

void os_set_variable(const char *name, const char *value)
{
    wchar_t wide_name[256], wide[4096] = L"";
    MultiByteToWideChar(CP_UTF8, 0, name, -1, wide_name, 256);
    if (value) {
        MultiByteToWideChar(CP_UTF8, 0, value, -1, wide, 4096);
    }
    SetEnvironmentVariableW(wide_name, value ? wide : NULL);
}
