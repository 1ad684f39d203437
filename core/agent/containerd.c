/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader of TOML that looks for three keys.  Where a key lies is its full path: the table's names
 * and its own, each ended by a newline, which no name can hold unescaped. */
#include "core/agent/containerd.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"

enum { TOML_DEPTH = 32 };

struct toml {
    const char *at, *end;
    uint32_t line;
    struct sbuf table, key; /* paths */
    struct sbuf text;       /* the last string read */
    struct sbuf first;      /* the first string of the value at hand */
    bool has_first;
    struct err *err;
};

static int toml_bad(struct toml *t, const char *why)
{
    return err_set(t->err, ERR_INVALID, "%s", why);
}

static bool toml_looking_at(const struct toml *t, const char *s)
{
    size_t n = strlen(s);
    return (size_t)(t->end - t->at) >= n && memcmp(t->at, s, n) == 0;
}

static char toml_peek(const struct toml *t)
{
    return t->at < t->end ? *t->at : '\0';
}

static char toml_next(struct toml *t)
{
    char c = toml_peek(t);
    t->line += c == '\n';
    t->at += t->at < t->end;
    return c;
}

static bool toml_take(struct toml *t, char c)
{
    bool is = t->at < t->end && *t->at == c;
    if (is) {
        toml_next(t);
    }
    return is;
}

/* Blanks; with 'lines' also ends of lines and comments. */
static void toml_skip(struct toml *t, bool lines)
{
    for (;;) {
        char c = toml_peek(t);
        if (c == '#' && lines) {
            while (t->at < t->end && *t->at != '\n') {
                t->at++;
            }
        } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
            toml_next(t);
        } else {
            return;
        }
    }
}

/* ---- strings ---- */
static int toml_hex(const char *p, size_t n, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        const char *digits = "0123456789abcdef", *d;
        char c = p[i] >= 'A' && p[i] <= 'F' ? (char)(p[i] + 32) : p[i];
        d = c ? strchr(digits, c) : NULL;
        if (!d) {
            return ERR_INVALID;
        }
        *out = *out << 4 | (uint32_t)(d - digits);
    }
    return *out <= 0x10ffff && (*out < 0xd800 || *out > 0xdfff) && *out ? 0 : ERR_INVALID;
}

static void toml_put_utf8(struct sbuf *b, uint32_t c)
{
    if (c < 0x80) {
        sbuf_putc(b, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = {0, 0xc0, 0xe0, 0xf0};
    sbuf_put_u8(b, (uint8_t)(heads[more] | c >> (6 * more)));
    while (more--) {
        sbuf_put_u8(b, (uint8_t)(0x80 | (c >> (6 * more) & 0x3f)));
    }
}

/* After a backslash. */
static int toml_escape(struct toml *t)
{
    static const char from[] = "btnfre\"\\", to[] = "\b\t\n\f\r\033\"\\";
    char c = toml_next(t);
    const char *found = c ? strchr(from, c) : NULL;
    size_t n = c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t code;
    if (found) {
        sbuf_putc(&t->text, to[found - from]);
        return 0;
    }
    if (!n || (size_t)(t->end - t->at) < n || toml_hex(t->at, n, &code) < 0) {
        return toml_bad(t, "not an escape");
    }
    t->at += n;
    toml_put_utf8(&t->text, code);
    return 0;
}

/* Backslash at a line's end: the line and the blanks of the next ones are nothing. */
static bool toml_joined(struct toml *t)
{
    const char *p = t->at;
    while (p < t->end && (*p == ' ' || *p == '\t' || *p == '\r')) {
        p++;
    }
    if (p == t->end || *p != '\n') {
        return false;
    }
    while (toml_peek(t) && strchr(" \t\r\n", toml_peek(t))) {
        toml_next(t);
    }
    return true;
}

/* Reads a string of any of the four kinds into t->text. */
static int toml_string(struct toml *t)
{
    char quote = toml_peek(t);
    const char triple[] = {quote, quote, quote, '\0'};
    bool multi = toml_looking_at(t, triple);
    sbuf_clear(&t->text);
    t->at += multi ? 3 : 1;
    if (multi && toml_looking_at(t, "\r\n")) {
        t->at++;
    }
    if (multi) {
        toml_take(t, '\n');
    }
    while (t->at < t->end) {
        if (multi ? toml_looking_at(t, triple) : *t->at == quote) {
            t->at += multi ? 3 : 1;
            while (multi && toml_take(t, quote)) { /* up to two more belong to the text */
                sbuf_putc(&t->text, quote);
            }
            return 0;
        }
        if (*t->at == '\n' && !multi) {
            break;
        }
        char c = toml_next(t);
        if (c != '\\' || quote == '\'') {
            sbuf_putc(&t->text, c);
        } else if (!(multi && toml_joined(t)) && toml_escape(t) < 0) {
            return ERR_INVALID;
        }
    }
    return toml_bad(t, "a string without end");
}

/* ---- keys ---- */
static bool toml_is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* A dotted key, appended to 'path'. */
static int toml_key(struct toml *t, struct sbuf *path)
{
    do {
        toml_skip(t, false);
        char c = toml_peek(t);
        if (c == '"' || c == '\'') {
            if (toml_string(t) < 0) {
                return ERR_INVALID;
            }
            sbuf_puts(path, sbuf_cstr(&t->text));
        } else if (toml_is_bare(c)) {
            while (toml_is_bare(toml_peek(t))) {
                sbuf_putc(path, toml_next(t));
            }
        } else {
            return toml_bad(t, "a key was expected");
        }
        sbuf_putc(path, '\n');
        toml_skip(t, false);
    } while (toml_take(t, '.'));
    return 0;
}

/* ---- values ---- */
static int toml_value(struct toml *t, int depth);

static int toml_list(struct toml *t, int depth)
{
    for (;;) {
        toml_skip(t, true);
        if (toml_take(t, ']')) {
            return 0;
        }
        if (toml_value(t, depth + 1) < 0) {
            return ERR_INVALID;
        }
        toml_skip(t, true);
        if (!toml_take(t, ',') && toml_peek(t) != ']') {
            return toml_bad(t, "',' or ']' was expected");
        }
    }
}

/* What an inline table says is syntax only: nobody writes the folders in one. */
static int toml_inline(struct toml *t, int depth)
{
    auto_sbuf key = SBUF_INIT;
    toml_skip(t, true);
    if (toml_take(t, '}')) {
        return 0;
    }
    do {
        toml_skip(t, true);
        if (toml_key(t, &key) < 0) {
            return ERR_INVALID;
        }
        if (!toml_take(t, '=')) {
            return toml_bad(t, "'=' was expected");
        }
        toml_skip(t, false);
        if (toml_value(t, depth + 1) < 0) {
            return ERR_INVALID;
        }
        toml_skip(t, true);
    } while (toml_take(t, ','));
    return toml_take(t, '}') ? 0 : toml_bad(t, "'}' was expected");
}

/* Numbers, booleans, dates: their text. */
static int toml_bare(struct toml *t)
{
    sbuf_clear(&t->text);
    while (toml_is_bare(toml_peek(t)) || (toml_peek(t) && strchr("+.:", toml_peek(t)))) {
        sbuf_putc(&t->text, toml_next(t));
    }
    return t->text.len ? 0 : toml_bad(t, "a value was expected");
}

static int toml_value(struct toml *t, int depth)
{
    char c = toml_peek(t);
    if (depth > TOML_DEPTH) {
        return toml_bad(t, "nested too deep");
    }
    if (c == '[' || c == '{') {
        toml_next(t);
        return c == '[' ? toml_list(t, depth) : toml_inline(t, depth);
    }
    int rc = c == '"' || c == '\'' ? toml_string(t) : toml_bare(t);
    if (rc == 0 && !t->has_first) {
        t->has_first = true;
        sbuf_clear(&t->first);
        sbuf_puts(&t->first, sbuf_cstr(&t->text));
    }
    return rc;
}

/* ---- what is looked for ---- */
static const char *const containerd_tables[] = {"plugins\nio.containerd.cri.v1.runtime\ncni\n",
                                                "plugins\nio.containerd.grpc.v1.cri\ncni\n",
                                                "plugins\ncri\ncni\n"};

static void containerd_found(const struct toml *t, char **slot)
{
    mem_free(*slot);
    *slot = mem_strdup(t->first.data);
}

static void containerd_look(struct toml *t, struct containerd_conf *out)
{
    const char *path = sbuf_cstr(&t->key);
    if (!t->has_first) {
        return;
    }
    if (strcmp(path, "version\n") == 0 && strlen(t->first.data) == 1) {
        out->version = (uint32_t)(t->first.data[0] - '0');
    }
    for (size_t i = 0; i < ARRAY_LEN(containerd_tables); i++) {
        size_t n = strlen(containerd_tables[i]);
        if (strncmp(path, containerd_tables[i], n) != 0) {
            continue;
        }
        if (strcmp(path + n, "bin_dir\n") == 0 || strcmp(path + n, "bin_dirs\n") == 0) {
            containerd_found(t, &out->bin_dir);
        } else if (strcmp(path + n, "conf_dir\n") == 0) {
            containerd_found(t, &out->conf_dir);
        }
    }
}

static int toml_table(struct toml *t)
{
    bool array = toml_take(t, '[');
    sbuf_clear(&t->table);
    if (toml_key(t, &t->table) < 0) {
        return ERR_INVALID;
    }
    if (!toml_take(t, ']') || (array && !toml_take(t, ']'))) {
        return toml_bad(t, "']' was expected");
    }
    return 0;
}

static int toml_statement(struct toml *t, struct containerd_conf *out)
{
    if (toml_take(t, '[')) {
        return toml_table(t);
    }
    sbuf_clear(&t->key);
    sbuf_puts(&t->key, sbuf_cstr(&t->table));
    if (toml_key(t, &t->key) < 0) {
        return ERR_INVALID;
    }
    if (!toml_take(t, '=')) {
        return toml_bad(t, "'=' was expected");
    }
    toml_skip(t, false);
    t->has_first = false;
    if (toml_value(t, 0) < 0) {
        return ERR_INVALID;
    }
    containerd_look(t, out);
    return 0;
}

static void toml_done(struct toml *t)
{
    sbuf_done(&t->table);
    sbuf_done(&t->key);
    sbuf_done(&t->text);
    sbuf_done(&t->first);
}

int containerd_conf_parse(const char *text, size_t len, struct containerd_conf *out,
                          uint32_t *line_out, struct err *err)
{
    PORT_CLEANUP(toml_done)
    struct toml t = {.at = text, .end = text + len, .line = 1, .err = err};
    *out = (struct containerd_conf){.version = 1};
    if (memchr(text, '\0', len)) {
        *line_out = 1;
        return toml_bad(&t, "not a text");
    }
    for (toml_skip(&t, true); t.at < t.end; toml_skip(&t, true)) {
        int rc = toml_statement(&t, out);
        toml_skip(&t, false);
        char c = toml_peek(&t);
        if (rc == 0 && c && c != '\n' && c != '\r' && c != '#') {
            rc = toml_bad(&t, "the line should have ended");
        }
        if (rc < 0) {
            *line_out = t.line;
            return rc;
        }
    }
    return 0;
}

void containerd_conf_done(struct containerd_conf *c)
{
    mem_free(c->bin_dir);
    mem_free(c->conf_dir);
    *c = (struct containerd_conf){0};
}
