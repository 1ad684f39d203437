/* SPDX-License-Identifier: Apache-2.0
 *
 * A reflector with an owner that writes down what it is asked and told. */
#ifndef SEINE_TESTS_UNIT_REFLECTOR_LAB_H
#define SEINE_TESTS_UNIT_REFLECTOR_LAB_H

#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/k8s/reflector.h"
#include "tests/unit/k8s/k8s_test.h"

/* ---- what a server of Namespaces says, and is asked ---- */
#define NS(name, version)                                                                          \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define NS_LABELLED(name, version, os)                                                             \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version                          \
    "\",\"labels\":{\"kubernetes.io/os\":\"" os "\"}}}"
#define BAD(name, version)                                                                         \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version                          \
    "\",\"labels\":{\"a\":\"_\"}}}"
#define BAD_WHY                                                                                    \
    "metadata.labels.a: a label value must be letters, digits, '-', '_' and '.', beginning and "   \
    "ending with a letter or digit"
#define NAMELESS(version) "{\"metadata\":{\"name\":\"_\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, items)                                                                       \
    "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define PAGE(version, token, items)                                                                \
    "{\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" token                     \
    "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)                                                                          \
    EVENT("BOOKMARK", "{\"kind\":\"Namespace\",\"metadata\":{\"resourceVersion\":\"" version       \
                      "\"},\"spec\":{}}")
#define INITIAL_END(version)                                                                       \
    EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version                              \
                      "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define ERROR_EVENT(code, reason)                                                                  \
    EVENT("ERROR",                                                                                 \
          "{\"kind\":\"Status\",\"message\":\"m\",\"reason\":\"" reason "\",\"code\":" code "}")
#define TOO_LARGE                                                                                  \
    "{\"reason\":\"Timeout\",\"message\":\"Too large resource version\",\"code\":504,"             \
    "\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":\"m\"}],"        \
    "\"retryAfterSeconds\":1}}"
#define SEND_LIST "send /api/v1/namespaces?limit=500\n"
#define SEND_WATCH(version)                                                                        \
    "send "                                                                                        \
    "/api/v1/"                                                                                     \
    "namespaces?watch=1&allowWatchBookmarks=true&timeoutSeconds=T&resourceVersion=" version "\n"
#define SEND_SHORT(version)                                                                        \
    "send "                                                                                        \
    "/api/v1/"                                                                                     \
    "namespaces?watch=1&allowWatchBookmarks=true&timeoutSeconds=short&resourceVersion=" version    \
    "\n"
#define SEND_BRIEF(version)                                                                        \
    "send "                                                                                        \
    "/api/v1/"                                                                                     \
    "namespaces?watch=1&allowWatchBookmarks=true&timeoutSeconds=brief&resourceVersion=" version    \
    "\n"
#define SEND_STREAMING                                                                             \
    "send "                                                                                        \
    "/api/v1/namespaces?watch=1&allowWatchBookmarks=true&timeoutSeconds=T&sendInitialEvents=true"  \
    "&resourceVersionMatch=NotOlderThan\n"

struct lab_row {
    char *key;
    void *object;
};
struct lab {
    struct reflector *r;
    struct kind_row row;
    struct sbuf log;  /* "send PATH", "cancel", "put KEY", "remove KEY", "LEVEL TEXT" */
    struct sbuf path; /* of the call under way */
    bool calling;
    bool json_asked;          /* for nothing else, by the call under way */
    const char *content_type; /* of answers; NULL: none */
    uint32_t timer;           /* ms, 0: none */
    unsigned changes, sends;
    VEC(struct lab_row) rows; /* what was put, in the order of the keys */
};

/* Lists are read in pages of 500, unless the row says otherwise. */
void lab_init(struct lab *lab, const struct kind_row *row);
/* The row as it is. */
void lab_init_plain(struct lab *lab, const struct kind_row *row);
void lab_done(struct lab *lab); /* nothing may be interned then */
/* Initialised, started and listed: Namespace a at version 1, b at 2, watching from 10. */
void lab_watching(struct lab *lab);
/* The same with more than a page. */
void lab_watching_many(struct lab *lab);
/* The owner has this object already; its reference. */
void lab_put(struct lab *lab, void *object);
/* What was written down since the last time is this. */
void lab_expect(struct lab *lab, const char *wanted);
void lab_forget(struct lab *lab);
/* The keys held by the owner are these, parted by spaces. */
void lab_expect_keys(struct lab *lab, const char *wanted);

/* The call under way is answered. */
void lab_head(struct lab *lab, int status);
void lab_head_after(struct lab *lab, int status, unsigned retry_after_s);
void lab_data(struct lab *lab, const char *text);
void lab_end(struct lab *lab);
void lab_lose(struct lab *lab);
/* Head 200, the body, the end. */
void lab_answer(struct lab *lab, const char *body);
/* A refusal with a Status as its body. */
void lab_refuse(struct lab *lab, int code, const char *reason);
/* The timer, which must be set, goes off. */
void lab_timer(struct lab *lab);
void lab_timer_late(struct lab *lab, uint32_t late_ms);

#endif
