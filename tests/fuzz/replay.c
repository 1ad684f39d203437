/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over its kept corpus without libFuzzer: each file whole, and each of its
 * truncations (all lengths up to 4 KiB). */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return;
    static uint8_t buf[1 << 20];
    size_t n = fread(buf, 1, sizeof buf, f);
    fclose(f);
    for (size_t len = 0; len <= n && len <= 4096; len++) {
        /* An exact copy, so that a read beyond the end is seen. */
        uint8_t *copy = malloc(len ? len : 1);
        if (!copy)
            abort();
        memcpy(copy, buf, len);
        LLVMFuzzerTestOneInput(copy, len);
        free(copy);
    }
    LLVMFuzzerTestOneInput(buf, n);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
        return 2;
    }
    DIR *dir = opendir(argv[1]);
    if (!dir) {
        fprintf(stderr, "%s: no such corpus\n", argv[1]);
        return 1;
    }
    size_t n = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[1024];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        replay_file(path);
        n++;
    }
    closedir(dir);
    printf("%zu corpus files\n", n);
    return n ? 0 : 1;
}
