/* SPDX-License-Identifier: Apache-2.0
 *
 * Output forms: aligned tables, JSON, YAML. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/ctl/ctl.h"

enum { CTL_MAX_COLUMNS = 16, CTL_GAP = 3, CTL_INDENT = 4 };

int ctl_puts(const char *text, size_t n)
{
    return output_put("seinectl", text, n) ? CTL_FAILED : CTL_DONE;
}

/* ---- YAML ---- */
/* Whether a string would be read as something else, or not at all, without quotes. */
static bool ctl_yaml_is_plain(const char *s)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "~"};
    bool number = strspn(s, "0123456789.+-eExX_:") == strlen(s) && strpbrk(s, "0123456789");
    if (!*s || number || strpbrk(s, "\n\t\"'#{}[],&*!|>%@`\\") || strstr(s, ": ") ||
        strchr(" -?:=", *s) || s[strlen(s) - 1] == ' ' || s[strlen(s) - 1] == ':') {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i], s) == 0) {
            return false;
        }
    }
    return true;
}

static void ctl_yaml_text(const char *s, struct sbuf *out)
{
    if (ctl_yaml_is_plain(s)) {
        sbuf_puts(out, s);
    } else {
        sbuf_put_json(out, s);
    }
}

/* Numbers, words, {} and []: the same in JSON and YAML. */
static void ctl_json_scalar(const cJSON *json, struct sbuf *out)
{
    char *text = cJSON_PrintUnformatted(json);
    sbuf_puts(out, text);
    cJSON_free(text);
}

static void ctl_yaml_scalar(const cJSON *json, struct sbuf *out)
{
    if (cJSON_IsString(json)) {
        ctl_yaml_text(json->valuestring, out);
    } else {
        ctl_json_scalar(json, out);
    }
}

static bool ctl_yaml_is_block(const cJSON *json)
{
    return (cJSON_IsObject(json) || cJSON_IsArray(json)) && json->child;
}

/* 'lead': blanks before each line but the first, whose lead is there already. */
static void ctl_yaml_node(const cJSON *json, int lead, struct sbuf *out)
{
    bool first = true;
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        sbuf_printf(out, "%*s", first ? 0 : lead, "");
        first = false;
        if (cJSON_IsArray(json)) {
            sbuf_puts(out, "- ");
        } else {
            ctl_yaml_text(item->string, out);
            sbuf_putc(out, ':');
        }
        if (!ctl_yaml_is_block(item)) {
            sbuf_puts(out, cJSON_IsArray(json) ? "" : " ");
            ctl_yaml_scalar(item, out);
            sbuf_putc(out, '\n');
        } else if (cJSON_IsArray(json)) {
            ctl_yaml_node(item, lead + 2, out);
        } else {
            int deeper = cJSON_IsArray(item) ? lead : lead + 2;
            sbuf_printf(out, "\n%*s", deeper, "");
            ctl_yaml_node(item, deeper, out);
        }
    }
}

void ctl_yaml(const cJSON *json, struct sbuf *out)
{
    if (ctl_yaml_is_block(json)) {
        ctl_yaml_node(json, 0, out);
    } else {
        ctl_yaml_scalar(json, out);
        sbuf_putc(out, '\n');
    }
}

/* ---- JSON, in lines as kubectl has it ---- */
static void ctl_json_node(const cJSON *json, int depth, struct sbuf *out)
{
    bool list = cJSON_IsArray(json);
    const cJSON *item;
    if (!ctl_yaml_is_block(json)) {
        ctl_json_scalar(json, out);
        return;
    }
    sbuf_puts(out, list ? "[\n" : "{\n");
    cJSON_ArrayForEach(item, json) {
        sbuf_printf(out, "%*s", (depth + 1) * CTL_INDENT, "");
        if (!list) {
            sbuf_put_json(out, item->string);
            sbuf_puts(out, ": ");
        }
        ctl_json_node(item, depth + 1, out);
        sbuf_puts(out, item->next ? ",\n" : "\n");
    }
    sbuf_printf(out, "%*s%c", depth * CTL_INDENT, "", list ? ']' : '}');
}

void ctl_json(const cJSON *json, struct sbuf *out)
{
    ctl_json_node(json, 0, out);
    sbuf_putc(out, '\n');
}

int ctl_print_tree(const cJSON *json, enum ctl_output output)
{
    auto_sbuf out = SBUF_INIT;
    if (output == CTL_YAML) {
        ctl_yaml(json, &out);
    } else {
        ctl_json(json, &out);
    }
    return ctl_puts(out.data, out.len);
}

/* ---- tables ---- */
static void ctl_cell(const cJSON *value, struct sbuf *out)
{
    const cJSON *item;
    bool first = true;
    if (cJSON_IsArray(value)) {
        cJSON_ArrayForEach(item, value) {
            sbuf_puts(out, first ? "" : ",");
            ctl_cell(item, out);
            first = false;
        }
    } else if (cJSON_IsObject(value)) {
        cJSON_ArrayForEach(item, value) {
            sbuf_printf(out, "%s%s=", first ? "" : ",", item->string);
            ctl_cell(item, out);
            first = false;
        }
    } else if (cJSON_IsString(value)) {
        sbuf_puts(out, value->valuestring);
    } else if (cJSON_IsBool(value)) {
        sbuf_puts(out, cJSON_IsTrue(value) ? "yes" : "no");
    } else if (cJSON_IsNumber(value)) {
        sbuf_printf(out, "%.0f", value->valuedouble);
    }
}

static void ctl_row(const cJSON *item, const struct ctl_column *columns, bool wide,
                    struct sbuf cells[CTL_MAX_COLUMNS])
{
    for (size_t i = 0; columns[i].title; i++) {
        sbuf_clear(&cells[i]);
        if (!columns[i].wide || wide) {
            ctl_cell(cJSON_GetObjectItemCaseSensitive(item, columns[i].member), &cells[i]);
            sbuf_puts(&cells[i], cells[i].len ? "" : "-");
        }
    }
}

static void ctl_put_row(const struct ctl_column *columns, bool wide, const size_t *widths,
                        struct sbuf *cells, struct sbuf *out)
{
    size_t blanks = 0;
    for (size_t i = 0; columns[i].title; i++) {
        if (columns[i].wide && !wide) {
            continue;
        }
        const char *text = cells ? sbuf_cstr(&cells[i]) : columns[i].title;
        sbuf_printf(out, "%*s%s", (int)blanks, "", text);
        blanks = widths[i] + CTL_GAP - strlen(text);
    }
    sbuf_putc(out, '\n');
}

void ctl_table(const cJSON *items, const struct ctl_column *columns, bool wide, struct sbuf *out)
{
    struct sbuf cells[CTL_MAX_COLUMNS] = {SBUF_INIT};
    size_t widths[CTL_MAX_COLUMNS] = {0};
    const cJSON *item;
    for (size_t i = 0; columns[i].title; i++) {
        widths[i] = strlen(columns[i].title);
    }
    cJSON_ArrayForEach(item, items) {
        ctl_row(item, columns, wide, cells);
        for (size_t i = 0; columns[i].title; i++) {
            widths[i] = cells[i].len > widths[i] ? cells[i].len : widths[i];
        }
    }
    ctl_put_row(columns, wide, widths, NULL, out);
    cJSON_ArrayForEach(item, items) {
        ctl_row(item, columns, wide, cells);
        ctl_put_row(columns, wide, widths, cells, out);
    }
    for (size_t i = 0; i < CTL_MAX_COLUMNS; i++) {
        sbuf_done(&cells[i]);
    }
}
