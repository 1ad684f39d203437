/* SPDX-License-Identifier: Apache-2.0
 *
 * Default paths and the platform's name: the part of platform/process.h that
 * the short-lived programs use. */
#include "platform/process.h"

#include "platform/windows/os.h"

#include <initguid.h>
#include <knownfolders.h>
#include <shlobj.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/windows/paths.h"

/* Made once and kept: the contract gives constant strings. */
static char *paths_run_dir;
static INIT_ONCE paths_once = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK paths_find_run_dir(PINIT_ONCE once, void *parameter, void **context)
{
    PWSTR folder = NULL;
    struct sbuf text = SBUF_INIT;
    (void)once;
    (void)parameter;
    (void)context;
    if (SHGetKnownFolderPath(&FOLDERID_ProgramData, KF_FLAG_DEFAULT, NULL, &folder) == S_OK) {
        auto_free char *utf8 = os_utf8(folder);
        sbuf_printf(&text, "%s\\seine", utf8);
    } else {
        sbuf_puts(&text, "C:\\ProgramData\\seine");
    }
    CoTaskMemFree(folder);
    paths_run_dir = sbuf_take(&text);
    return TRUE;
}

const char *process_default_run_dir(void)
{
    InitOnceExecuteOnce(&paths_once, paths_find_run_dir, NULL, NULL);
    return paths_run_dir;
}

const char *process_default_cache_dir(void)
{
    return process_default_run_dir(); /* it outlives a boot here */
}

const char *process_default_ovsdb(void)
{
    return "unix:" PATHS_OVS_RUN_DIR "/db.sock";
}

/* Pipes have one name space for the machine: where the run directory is does not matter. */
char *process_default_socket(const char *run_dir)
{
    (void)run_dir;
    return mem_strdup("\\\\.\\pipe\\seine-agent");
}

const char *process_platform(void)
{
    return "windows";
}
