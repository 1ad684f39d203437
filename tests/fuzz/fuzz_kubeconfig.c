/* SPDX-License-Identifier: Apache-2.0
 *
 * A kubeconfig as anyone could write it: it is refused with a line that is there, or it gives a
 * server, a namespace, and a certificate only with its key. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/k8s/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = mem_dup(data, size ? size : 1);
    struct kubeconfig k;
    struct err err = {0};
    uint64_t lines = 1; /* at most: YAML also ends them by CR, NEL, LS and PS */
    for (size_t i = 0; i < size; i++)
        lines += memchr("\n\r\x85\xa8\xa9", text[i], 5) != NULL;
    int rc = kubeconfig_decode("F", text, size, NULL, &k, &err);
    check(rc == 0 || rc == err.code);
    if (rc < 0) {
        check((rc == ERR_INVALID || rc == ERR_UNSUPPORTED || rc == ERR_TOO_BIG) &&
              !strncmp(err.text, "F:", 2));
        uint64_t line = strtoull(err.text + 2, NULL, 10);
        check(line >= 1 && line <= lines + 1);
        return 0;
    }
    check(k.server && k.name_space && k.name_space[0]);
    check((k.cert.file || k.cert.text) == (k.key.file || k.key.text));
    check(!k.insecure || (!k.ca.file && !k.ca.text));
    check(!strncmp(k.server, "https://", 8) || (!k.token && !k.token_file && !k.key.file));
    kubeconfig_done(&k);
    return 0;
}
