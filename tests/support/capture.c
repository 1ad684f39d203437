/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors 1 and 2 are files for so long.  SCRATCH is a folder of the build's. */
#include "tests/support/capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { MAX_WORDS = 32 };

/* Windows alone has text files. */
#ifndef O_BINARY
#define O_BINARY 0
#endif

struct stream {
    FILE *file;
    int fd, kept;
    char path[512];
};

static void begin(struct stream *s, FILE *file, int fd, const char *name)
{
    s->file = file;
    s->fd = fd;
    snprintf(s->path, sizeof s->path, "%s/%s.%d", SCRATCH, name, (int)getpid());
    fflush(file);
    s->kept = dup(fd);
    int to = open(s->path, O_CREAT | O_TRUNC | O_WRONLY | O_BINARY, 0600);
    if (s->kept < 0 || to < 0 || dup2(to, fd) < 0)
        abort();
    close(to);
}

static void end(struct stream *s, struct sbuf *out)
{
    char part[4096];
    fflush(s->file);
    if (dup2(s->kept, s->fd) < 0)
        abort();
    close(s->kept);
    sbuf_clear(out);
    FILE *written = fopen(s->path, "rb");
    if (!written)
        abort();
    for (size_t n; (n = fread(part, 1, sizeof part, written)) > 0;)
        sbuf_put(out, part, n);
    fclose(written);
    remove(s->path);
    sbuf_cstr(out);
}

int capture(int (*command)(int argc, char **argv), const char *line, struct sbuf *out,
            struct sbuf *err)
{
    auto_free char *words = mem_strdup(line);
    char *argv[MAX_WORDS + 1];
    int argc = 0;
    for (char *w = strtok(words, " "); w && argc < MAX_WORDS; w = strtok(NULL, " "))
        argv[argc++] = w;
    argv[argc] = NULL;
    struct stream streams[2];
    begin(&streams[0], stdout, 1, "stdout");
    begin(&streams[1], stderr, 2, "stderr");
    int rc = command(argc, argv);
    end(&streams[1], err);
    end(&streams[0], out);
    return rc;
}
