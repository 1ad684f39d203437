/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms of names, after the API server's rules (k8s.io/apimachinery, util/validation): RFC 1123
 * labels and subdomains, qualified names, label values, and RFC 6335 service names.  Letters are
 * ASCII, never the locale's. */
#include "core/k8s/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower_alnum(char c)
{
    return is_lower(c) || is_digit(c);
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* Lower-case letters, digits and '-', at both ends no '-'. */
static bool is_dns_part(const char *s, size_t n)
{
    if (n == 0 || !is_lower_alnum(s[0]) || !is_lower_alnum(s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_lower_alnum(s[i]) && s[i] != '-')
            return false;
    return true;
}

/* Parts as above joined by '.'. */
static bool is_dns_name(const char *s, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && s[i] != '.')
            continue;
        if (!is_dns_part(s + from, i - from))
            return false;
        from = i + 1;
    }
    return true;
}

/* What stands in a label value and after the '/' of a label key. */
static bool is_label_word(const char *s, size_t n)
{
    if (n == 0 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.')
            return false;
    return true;
}

const char *name_dns_label_problem(const char *s)
{
    size_t n = strlen(s);
    if (n > 63)
        return "must be no more than 63 characters";
    if (!is_dns_part(s, n))
        return "must be lower case letters, digits and '-', beginning and ending with a letter or "
               "digit";
    return NULL;
}

const char *name_dns_subdomain_problem(const char *s)
{
    size_t n = strlen(s);
    if (n > 253)
        return "must be no more than 253 characters";
    if (!is_dns_name(s, n))
        return "must be lower case letters, digits, '-' and '.', each part beginning and ending "
               "with a letter or digit";
    return NULL;
}

const char *name_label_key_problem(const char *s)
{
    const char *slash = strchr(s, '/');
    const char *word = slash ? slash + 1 : s;
    if (slash) {
        size_t n = (size_t)(slash - s);
        if (n == 0 || n > 253 || !is_dns_name(s, n))
            return "the part before '/' must be a DNS name of no more than 253 characters";
    }
    size_t n = strlen(word);
    if (n == 0 || n > 63)
        return "a label key must be 1 to 63 characters, not counting the part before '/'";
    if (!is_label_word(word, n))
        return "a label key must be letters, digits, '-', '_' and '.', beginning and ending with "
               "a letter or digit";
    return NULL;
}

const char *name_label_value_problem(const char *s)
{
    size_t n = strlen(s);
    if (n > 63)
        return "a label value must be no more than 63 characters";
    if (n && !is_label_word(s, n))
        return "a label value must be letters, digits, '-', '_' and '.', beginning and ending with "
               "a letter or digit";
    return NULL;
}

const char *name_port_problem(const char *s)
{
    size_t n = strlen(s);
    bool letter = false;
    if (n == 0 || n > 15)
        return "a port name must be 1 to 15 characters";
    if (!is_dns_part(s, n))
        return "a port name must be lower case letters, digits and '-', beginning and ending with "
               "a letter or digit";
    for (size_t i = 0; i < n; i++)
        letter = letter || is_lower(s[i]);
    if (!letter)
        return "a port name must hold a letter";
    if (strstr(s, "--"))
        return "a port name must not hold '--'";
    return NULL;
}
