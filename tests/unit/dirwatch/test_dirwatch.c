/* SPDX-License-Identifier: Apache-2.0
 *
 * The watched folder against real ones below a temporary folder.  A listener keeps what it was
 * told; tests wait for it to hold what is in the folder, never for a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/io/dirwatch.h"
#include "platform/ipc.h"
#include "tests/support/os.h"
#include "tests/support/pace.h"

enum { PATIENCE_MS = 60000 };

struct file {
    char *name, *text;
    bool unreadable;
};
struct fixture {
    struct loop *loop;
    struct dirwatch *watch;
    char *top, *dir;
    VEC(struct file) files;
    size_t n_file, n_passed, n_listed, n_synced;
    unsigned last_age, refuse_below; /* offers younger than this are not taken */
    size_t n_refused;
    char *problem; /* of the folder */
};

/* ---- what was told ---- */

static struct file *find(struct fixture *x, const char *name)
{
    for (size_t i = 0; i < x->files.n; i++)
        if (!strcmp(x->files.v[i].name, name))
            return &x->files.v[i];
    return NULL;
}

static void put(struct fixture *x, const char *name, char *text, bool unreadable)
{
    struct file *f = find(x, name);
    if (!f) {
        VEC_PUSH(&x->files, ((struct file){.name = mem_strdup(name)}));
        f = &x->files.v[x->files.n - 1];
    }
    mem_free(f->text);
    f->text = text;
    f->unreadable = unreadable;
}

static bool on_wants(const char *name)
{
    size_t n = strlen(name);
    return *name != '.' && n > 5 && !strcmp(name + n - 5, ".yaml");
}

static unsigned on_file(void *aux, const char *name, const char *text, size_t len, unsigned age_ms)
{
    struct fixture *x = aux;
    x->last_age = age_ms;
    if (age_ms < x->refuse_below) {
        x->n_refused++;
        return x->refuse_below - age_ms;
    }
    x->n_file++;
    put(x, name, mem_strndup(text, len < 100 ? len : 100), false);
    return 0;
}

static void on_gone(void *aux, const char *name)
{
    struct fixture *x = aux;
    struct file *f = find(x, name);
    assert_non_null(f);
    mem_free(f->name);
    mem_free(f->text);
    *f = x->files.v[--x->files.n];
}

static void on_unreadable(void *aux, const char *name, const char *reason)
{
    put(aux, name, mem_strdup(reason), true);
}

static void on_listed(void *aux, const char *dir, const char *reason)
{
    struct fixture *x = aux;
    assert_string_equal(dir, x->dir);
    mem_free(x->problem);
    x->problem = reason ? mem_strdup(reason) : NULL;
    x->n_listed++;
}

static void on_passed(void *aux)
{
    struct fixture *x = aux;
    x->n_passed++;
}

static void on_synced(void *aux)
{
    struct fixture *x = aux;
    x->n_synced++;
}

static const struct dirwatch_events events = {on_wants,      on_file,   on_gone,
                                              on_unreadable, on_listed, on_passed};

/* ---- the folder ---- */

static char *join(const char *dir, const char *name)
{
    struct sbuf b = SBUF_INIT;
    sbuf_printf(&b, "%s/%s", dir, name);
    return sbuf_take(&b);
}

static void write_in(const char *dir, const char *name, const char *text)
{
    auto_free char *path = join(dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void write_file(struct fixture *x, const char *name, const char *text)
{
    write_in(x->dir, name, text);
}

/* Under a dot-name first, as the contract tells users to do. */
static void move_in(struct fixture *x, const char *name, const char *text)
{
    auto_free char *to = join(x->dir, name), *from = join(x->dir, ".new");
    write_file(x, ".new", text);
    assert_int_equal(os_rename(from, to), 0);
}

static void remove_file(struct fixture *x, const char *name)
{
    auto_free char *path = join(x->dir, name);
    assert_int_equal(os_remove_file(path), 0);
}

/* Not everywhere can everybody make one. */
static void make_link(const char *target, const char *path)
{
    if (os_make_link(target, path) < 0)
        skip();
}

static int setup(void **state)
{
    char top[128];
    struct fixture *x = mem_calloc(1, sizeof *x);
    assert_int_equal(os_temp_dir(top, sizeof top), 0);
    x->top = mem_strdup(top);
    x->dir = join(top, "objects");
    assert_int_equal(os_make_dir(x->dir), 0);
    x->loop = loop_new();
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    dirwatch_free(x->watch);
    loop_free(x->loop);
    os_remove_tree(x->top);
    for (size_t i = 0; i < x->files.n; i++) {
        mem_free(x->files.v[i].name);
        mem_free(x->files.v[i].text);
    }
    VEC_DONE(&x->files);
    mem_free(x->problem);
    mem_free(x->top);
    mem_free(x->dir);
    mem_free(x);
    return 0;
}

static void start(struct fixture *x)
{
    x->watch = dirwatch_new(x->loop, x->dir, &events, x);
}

/* ---- waiting ---- */

/* "a.yaml=1 b.yaml!reason ", sorted by name. */
static void render(struct fixture *x, struct sbuf *out)
{
    sbuf_clear(out);
    for (size_t round = 0; round < x->files.n; round++)
        for (size_t i = 0; i < x->files.n; i++) {
            size_t before = 0;
            for (size_t k = 0; k < x->files.n; k++)
                before += strcmp(x->files.v[k].name, x->files.v[i].name) < 0;
            const struct file *f = &x->files.v[i];
            if (before == round)
                sbuf_printf(out, "%s%c%s ", f->name, f->unreadable ? '!' : '=', f->text);
        }
}

static void expect_at(struct fixture *x, const char *want, int line)
{
    auto_sbuf got = SBUF_INIT;
    int64_t end = loop_now(x->loop) + PATIENCE_MS;
    for (;;) {
        render(x, &got);
        if (x->n_passed && !strcmp(sbuf_cstr(&got), want))
            return;
        if (loop_now(x->loop) > end)
            fail_msg("line %d: \"%s\", wanted \"%s\"", line, sbuf_cstr(&got), want);
        loop_run_once(x->loop, 50);
    }
}
#define EXPECT(x, want) expect_at(x, want, __LINE__)

static void wait_for(struct fixture *x, const size_t *counter, size_t value)
{
    int64_t end = loop_now(x->loop) + PATIENCE_MS;
    while (*counter < value && loop_now(x->loop) <= end)
        loop_run_once(x->loop, 50);
    assert_true(*counter >= value);
}

static void sync_now(struct fixture *x)
{
    size_t want = x->n_synced + 1;
    dirwatch_sync(x->watch, on_synced, x);
    wait_for(x, &x->n_synced, want);
}

static void run_for(struct fixture *x, int ms)
{
    pace_run(x->loop, ms);
}

/* ---- tests ---- */

static void files_come_change_and_go(void **state)
{
    struct fixture *x = *state;
    write_file(x, "a.yaml", "1");
    start(x);
    EXPECT(x, "a.yaml=1 ");
    write_file(x, "b.yaml", "2");
    EXPECT(x, "a.yaml=1 b.yaml=2 ");
    write_file(x, "a.yaml", "1 and more");
    EXPECT(x, "a.yaml=1 and more b.yaml=2 ");
    move_in(x, "a.yaml", "3");
    EXPECT(x, "a.yaml=3 b.yaml=2 ");
    remove_file(x, "a.yaml");
    EXPECT(x, "b.yaml=2 ");
    remove_file(x, "b.yaml");
    EXPECT(x, "");
}

static void a_deep_folder_is_followed(void **state)
{
    struct fixture *x = *state;
    auto_sbuf deep = SBUF_INIT;
    sbuf_puts(&deep, x->dir);
    for (int i = 0; i < 6; i++)
        sbuf_puts(&deep, "/a-name-of-sixty-bytes-that-fills-the-two-hundred-and-sixty-of-old");
    assert_int_equal(dir_make(deep.data, NULL), 0);
    mem_free(x->dir);
    x->dir = mem_strdup(deep.data);
    auto_free char *path = join(x->dir, "a.yaml");
    assert_int_equal(file_write_atomic(path, "1", 1, NULL), 0);
    start(x);
    EXPECT(x, "a.yaml=1 ");
    assert_int_equal(file_write_atomic(path, "22", 2, NULL), 0);
    EXPECT(x, "a.yaml=22 ");
    assert_int_equal(file_remove(path, NULL), 0);
    EXPECT(x, "");
}

static void an_empty_folder_is_whole_at_once(void **state)
{
    struct fixture *x = *state;
    start(x);
    EXPECT(x, "");
    assert_int_equal(x->n_file, 0);
    assert_null(x->problem);
}

static void other_names_and_folders_are_left_out(void **state)
{
    struct fixture *x = *state;
    auto_free char *sub = join(x->dir, "sub.yaml");
    assert_int_equal(os_make_dir(sub), 0);
    write_in(sub, "in.yaml", "1");
    write_file(x, ".hidden.yaml", "1");
    write_file(x, "note.txt", "1");
    write_file(x, "a.yaml", "1");
    start(x);
    EXPECT(x, "a.yaml=1 ");
}

static void a_renamed_file_is_gone_and_new(void **state)
{
    struct fixture *x = *state;
    auto_free char *from = join(x->dir, "a.yaml"), *to = join(x->dir, "b.yaml");
    auto_free char *away = join(x->dir, "b.txt");
    write_file(x, "a.yaml", "1");
    start(x);
    EXPECT(x, "a.yaml=1 ");
    assert_int_equal(os_rename(from, to), 0);
    EXPECT(x, "b.yaml=1 ");
    assert_int_equal(os_rename(to, away), 0);
    EXPECT(x, "");
}

/* Where case does not count the old name still finds the file. */
static void a_name_that_changes_its_case_is_one_file(void **state)
{
    struct fixture *x = *state;
    auto_free char *from = join(x->dir, "a.yaml"), *to = join(x->dir, "A.yaml");
    write_file(x, "a.yaml", "1");
    start(x);
    EXPECT(x, "a.yaml=1 ");
    if (os_is_emulated())
        skip(); /* Wine claims to have renamed, and has not */
    struct pace_watch *watch = pace_watch_start();
    int64_t begin = loop_now(x->loop);
    assert_int_equal(os_rename(from, to), 0);
    EXPECT(x, "A.yaml=1 ");
    int64_t took = loop_now(x->loop) - begin;
    assert_true(took - pace_watch_end(watch) < DIRWATCH_SELF_MS / 2); /* by the event */
}

static void a_missing_folder_is_said_and_waited_for(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(os_remove_dir(x->dir), 0);
    start(x);
    wait_for(x, &x->n_listed, 1);
    assert_string_equal(x->problem, "no such folder");
    assert_int_equal(x->n_passed, 0);
    assert_int_equal(os_make_dir(x->dir), 0);
    write_file(x, "a.yaml", "1");
    EXPECT(x, "a.yaml=1 ");
    assert_null(x->problem);
}

static void a_file_in_place_of_the_folder_is_said(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(os_remove_dir(x->dir), 0);
    write_in(x->top, "objects", "x");
    start(x);
    wait_for(x, &x->n_listed, 1);
    assert_string_equal(x->problem, "not a folder");
    assert_int_equal(os_remove_file(x->dir), 0);
}

static void a_folder_that_vanishes_leaves_its_files_known(void **state)
{
    struct fixture *x = *state;
    write_file(x, "a.yaml", "1");
    start(x);
    EXPECT(x, "a.yaml=1 ");
    os_remove_tree(x->dir);
    if (os_exists(x->dir))
        skip(); /* Wine keeps a removed folder as long as somebody has it open */
    while (!x->problem)
        wait_for(x, &x->n_listed, x->n_listed + 1);
    assert_string_equal(x->problem, "no such folder");
    /* Whether the file was seen to go before its folder did is chance; both are true. */
    assert_int_equal(os_make_dir(x->dir), 0);
    write_file(x, "b.yaml", "2");
    EXPECT(x, "b.yaml=2 ");
}

static void a_replaced_folder_is_followed(void **state)
{
    struct fixture *x = *state;
    auto_free char *old = join(x->top, "old"), *fresh = join(x->top, "fresh");
    write_file(x, "a.yaml", "1");
    start(x);
    EXPECT(x, "a.yaml=1 ");
    assert_int_equal(os_make_dir(fresh), 0);
    write_in(fresh, "b.yaml", "2");
    assert_int_equal(os_rename(x->dir, old), 0);
    assert_int_equal(os_rename(fresh, x->dir), 0);
    EXPECT(x, "b.yaml=2 ");
    /* The new one is watched, the old one is not. */
    write_in(old, "c.yaml", "3");
    write_file(x, "d.yaml", "4");
    EXPECT(x, "b.yaml=2 d.yaml=4 ");
}

static void a_folder_by_link_is_followed_when_the_link_turns(void **state)
{
    struct fixture *x = *state;
    auto_free char *one = join(x->top, "one"), *two = join(x->top, "two");
    auto_free char *link = join(x->top, "link");
    assert_int_equal(os_make_dir(one) | os_make_dir(two), 0);
    write_in(one, "a.yaml", "1");
    write_in(two, "a.yaml", "2");
    assert_int_equal(os_remove_dir(x->dir), 0);
    make_link("one", x->dir);
    start(x);
    EXPECT(x, "a.yaml=1 ");
    make_link("two", link);
    assert_int_equal(os_rename(link, x->dir), 0);
    EXPECT(x, "a.yaml=2 ");
    assert_int_equal(os_remove_file(x->dir), 0);
}

/* What kubelet does with a ConfigMap: files are links by way of one link that is turned. */
static void a_kubelet_volume_is_followed(void **state)
{
    struct fixture *x = *state;
    auto_free char *v1 = join(x->dir, "..v1"), *v2 = join(x->dir, "..v2");
    auto_free char *data = join(x->dir, "..data"), *temp = join(x->dir, "..data_tmp");
    auto_free char *a = join(x->dir, "a.yaml"), *b = join(x->dir, "b.yaml");
    assert_int_equal(os_make_dir(v1) | os_make_dir(v2), 0);
    write_in(v1, "a.yaml", "1");
    write_in(v2, "a.yaml", "2");
    write_in(v2, "b.yaml", "2b");
    make_link("..v1", data);
    make_link("..data/a.yaml", a);
    start(x);
    EXPECT(x, "a.yaml=1 ");
    make_link("..v2", temp);
    assert_int_equal(os_rename(temp, data), 0);
    make_link("..data/b.yaml", b);
    EXPECT(x, "a.yaml=2 b.yaml=2b ");
}

static void a_link_to_elsewhere_is_followed(void **state)
{
    struct fixture *x = *state;
    auto_free char *link = join(x->dir, "a.yaml"), *target = join(x->top, "target");
    write_in(x->top, "target", "1");
    make_link("../target", link);
    start(x);
    EXPECT(x, "a.yaml=1 ");
    write_in(x->top, "target", "changed"); /* no event in the folder */
    EXPECT(x, "a.yaml=changed ");
    assert_int_equal(os_remove_file(target), 0);
    EXPECT(x, "a.yaml!a link to nothing ");
    remove_file(x, "a.yaml");
    EXPECT(x, "");
}

static void what_is_no_file_is_not_read(void **state)
{
    struct fixture *x = *state;
    auto_free char *path = join(x->dir, "pipe.yaml");
    if (os_make_fifo(path) < 0)
        skip();
    start(x);
    EXPECT(x, "pipe.yaml!not a file "); /* reading it would never end */
}

static void a_huge_file_is_refused(void **state)
{
    struct fixture *x = *state;
    auto_free char *path = join(x->dir, "a.yaml");
    write_file(x, "a.yaml", "");
    assert_int_equal(os_set_size(path, DIRWATCH_FILE_LIMIT + 1), 0);
    start(x);
    EXPECT(x, "a.yaml!larger than 64 MiB ");
    assert_int_equal(os_set_size(path, 0), 0);
    write_file(x, "a.yaml", "1");
    EXPECT(x, "a.yaml=1 ");
}

static void only_what_changed_is_read_again(void **state)
{
    struct fixture *x = *state;
    write_file(x, "a.yaml", "1");
    write_file(x, "b.yaml", "2");
    start(x);
    EXPECT(x, "a.yaml=1 b.yaml=2 ");
    run_for(x, 200); /* until the stamps are older than a tick */
    write_file(x, "c.yaml", "3");
    EXPECT(x, "a.yaml=1 b.yaml=2 c.yaml=3 ");
    run_for(x, 200);
    size_t before = x->n_file;
    write_file(x, "d.yaml", "4");
    EXPECT(x, "a.yaml=1 b.yaml=2 c.yaml=3 d.yaml=4 ");
    run_for(x, 100);
    /* c was young when it was read, d is; a and b are not read. */
    assert_true(x->n_file - before <= 4);
    before = x->n_file;
    run_for(x, 300);
    assert_int_equal(x->n_file, before);
}

/* The same size within one tick of the file system's clock. */
static void a_change_that_no_stamp_shows_is_seen(void **state)
{
    struct fixture *x = *state;
    char text[2] = "0";
    start(x);
    for (int i = 0; i < 40; i++) {
        char want[32];
        text[0] = (char)('0' + i % 10);
        write_file(x, "a.yaml", text);
        snprintf(want, sizeof want, "a.yaml=%s ", text);
        EXPECT(x, want);
    }
}

static void an_offer_that_is_refused_comes_again(void **state)
{
    struct fixture *x = *state;
    write_file(x, "a.yaml", "1");
    x->refuse_below = 150;
    start(x);
    EXPECT(x, "a.yaml=1 "); /* the first pass is taken as it is */
    assert_int_equal(x->last_age, UINT_MAX);
    const char *text = "22 ";
    for (int i = 0; i < 20 && x->n_refused == 0; i++) { /* old at once where time stood still */
        char want[32];
        text = i % 2 ? "4444" : "22";
        write_file(x, "a.yaml", text);
        snprintf(want, sizeof want, "a.yaml=%s ", text);
        EXPECT(x, want);
        assert_true(x->last_age >= 150);
    }
    assert_true(x->n_refused >= 1);
    /* A newer version begins a new age. */
    unsigned before = x->last_age;
    int64_t written = loop_now(x->loop);
    x->refuse_below = 100000;
    write_file(x, "a.yaml", "333");
    size_t refused = x->n_refused;
    wait_for(x, &x->n_refused, refused + 1);
    assert_true(before > 0 && x->last_age <= loop_now(x->loop) - written);
    assert_string_equal(find(x, "a.yaml")->text, text);
}

static void sync_reads_everything_as_it_is(void **state)
{
    struct fixture *x = *state;
    start(x);
    EXPECT(x, "");
    x->refuse_below = 100000;
    write_file(x, "a.yaml", "1");
    write_file(x, "b.yaml", "2");
    sync_now(x);
    auto_sbuf got = SBUF_INIT;
    render(x, &got);
    assert_string_equal(sbuf_cstr(&got), "a.yaml=1 b.yaml=2 ");
    size_t before = x->n_file;
    write_file(x, "a.yaml", "3");
    write_file(x, "b.yaml", "4");
    sync_now(x);
    assert_true(x->n_file >= before + 2);
    render(x, &got);
    assert_string_equal(sbuf_cstr(&got), "a.yaml=3 b.yaml=4 ");
}

static void syncs_meet_in_one_pass(void **state)
{
    struct fixture *x = *state;
    start(x);
    for (int i = 0; i < 5; i++)
        dirwatch_sync(x->watch, on_synced, x);
    wait_for(x, &x->n_synced, 5);
    dirwatch_sync(x->watch, on_synced, x);
    dirwatch_sync_cancel(x->watch, on_synced, x);
    run_for(x, 100);
    assert_int_equal(x->n_synced, 5);
}

static void sync_of_a_missing_folder_is_answered(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(os_remove_dir(x->dir), 0);
    start(x);
    sync_now(x);
    assert_non_null(x->problem);
}

static void many_files_are_read_in_batches(void **state)
{
    struct fixture *x = *state;
    enum { N = 700 };
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%04d.yaml", i);
        write_file(x, name, name);
    }
    start(x);
    wait_for(x, &x->n_passed, 1);
    assert_int_equal(x->files.n, N);
    for (size_t i = 0; i < x->files.n; i++)
        assert_string_equal(x->files.v[i].name, x->files.v[i].text);
}

static void a_flood_of_events_ends(void **state)
{
    struct fixture *x = *state;
    start(x);
    EXPECT(x, "");
    size_t before = x->n_passed;
    for (int i = 0; i < 300; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        write_file(x, "a.yaml", text);
        loop_run_once(x->loop, 0);
    }
    EXPECT(x, "a.yaml=299 ");
    assert_true(x->n_passed - before < 300);
}

/* Every way a name can come into or out of being, with passes over single names in between. */
static void random_changes_end_where_the_folder_is(void **state)
{
    struct fixture *x = *state;
    uint32_t seed = 20240607;
    char content[6] = {0}; /* of f0 to f5, 0: not there */
    start(x);
    EXPECT(x, "");
    for (int step = 0; step < 400; step++) {
        char name[16], to[16], text[2] = {(char)('a' + step % 26), '\0'};
        seed = seed * 1664525u + 1013904223u;
        size_t i = (seed >> 16) % 6, k = (seed >> 20) % 6, what = (seed >> 24) % 5;
        snprintf(name, sizeof name, "f%zu.yaml", i);
        snprintf(to, sizeof to, "f%zu.yaml", k);
        if (what < 2) {
            write_file(x, name, text);
            content[i] = text[0];
        } else if (what == 2) {
            move_in(x, name, text);
            content[i] = text[0];
        } else if (content[i] && what == 3) {
            remove_file(x, name);
            content[i] = 0;
        } else if (content[i] && i != k) {
            auto_free char *a = join(x->dir, name), *b = join(x->dir, to);
            assert_int_equal(os_rename(a, b), 0);
            content[k] = content[i];
            content[i] = 0;
        }
        loop_run_once(x->loop, (seed >> 12) % 3);
    }
    auto_sbuf want = SBUF_INIT;
    for (size_t i = 0; i < 6; i++)
        if (content[i])
            sbuf_printf(&want, "f%zu.yaml=%c ", i, content[i]);
    EXPECT(x, sbuf_cstr(&want));
}

/* A folder of many files, one of which changes: the others are not even looked at. */
static void a_named_change_costs_no_look_at_the_others(void **state)
{
    struct fixture *x = *state;
    enum { N = 200 };
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%04d.yaml", i);
        write_file(x, name, "1");
    }
    start(x);
    wait_for(x, &x->n_passed, 2);
    size_t before = x->n_file; /* young files would be read again by a whole pass */
    write_file(x, "f0007.yaml", "22");
    while (strcmp(find(x, "f0007.yaml")->text, "22"))
        wait_for(x, &x->n_passed, x->n_passed + 1);
    assert_true(x->n_file - before < 5);
}

static void it_can_be_freed_at_any_moment(void **state)
{
    struct fixture *x = *state;
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d.yaml", i);
        write_file(x, name, "1");
    }
    for (int turns = 0; turns < 12; turns++) {
        start(x);
        for (int i = 0; i < turns; i++)
            loop_run_once(x->loop, 1);
        dirwatch_free(x->watch);
        x->watch = NULL;
        size_t told = x->n_file + x->n_passed;
        run_for(x, 20);
        assert_int_equal(x->n_file + x->n_passed, told);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_come_change_and_go),
        TEST(a_deep_folder_is_followed),
        TEST(an_empty_folder_is_whole_at_once),
        TEST(other_names_and_folders_are_left_out),
        TEST(a_renamed_file_is_gone_and_new),
        TEST(a_name_that_changes_its_case_is_one_file),
        TEST(a_missing_folder_is_said_and_waited_for),
        TEST(a_file_in_place_of_the_folder_is_said),
        TEST(a_folder_that_vanishes_leaves_its_files_known),
        TEST(a_replaced_folder_is_followed),
        TEST(a_folder_by_link_is_followed_when_the_link_turns),
        TEST(a_kubelet_volume_is_followed),
        TEST(a_link_to_elsewhere_is_followed),
        TEST(what_is_no_file_is_not_read),
        TEST(a_huge_file_is_refused),
        TEST(only_what_changed_is_read_again),
        TEST(a_change_that_no_stamp_shows_is_seen),
        TEST(an_offer_that_is_refused_comes_again),
        TEST(sync_reads_everything_as_it_is),
        TEST(syncs_meet_in_one_pass),
        TEST(sync_of_a_missing_folder_is_answered),
        TEST(many_files_are_read_in_batches),
        TEST(a_flood_of_events_ends),
        TEST(random_changes_end_where_the_folder_is),
        TEST(a_named_change_costs_no_look_at_the_others),
        TEST(it_can_be_freed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
