/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading an API server's list of Pods: the stream with the decoder behind it, as the agent reads
 * it in pieces of 16 KiB, against cJSON_Parse of the same text at once (without the decoder: it
 * would come on top), in the same run; and the same list as Protobuf, what nobody reads of it as
 * bytes of the same share.
 * Usage: bench_json [FILE...]; without a file the list is made here, with Pods as a kubelet leaves
 * them.  A JSON line each: megabytes a second of CPU, best of ROUNDS, their ratio, and the peak of
 * the stream's memory; of Protobuf its time an object as a share of JSON's.  Exit 1 if the ratio is
 * below LIMIT, the share over PROTO_LIMIT (unless SEINE_BENCH_UNTIMED is set) or a memory over
 * MEMORY_MAX. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/decode.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/proto_stream.h"
#include "tests/unit/k8s/proto_build.h"

enum { ROUNDS = 5, PIECE = 16384, PODS = 5000, MEMORY_MAX = 256 * 1024 };
#define LIMIT 1.5
#define PROTO_LIMIT 1.0

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- a list as a server sends it ---- */

static void put_managed(struct sbuf *out)
{
    sbuf_puts(
        out,
        "\"managedFields\":[{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\","
        "\"apiVersion\":\"v1\",\"time\":\"2026-11-28T04:07:57Z\",\"fieldsType\":\"FieldsV1\","
        "\"fieldsV1\":{\"f:metadata\":{\"f:generateName\":{},\"f:labels\":{\".\":{},\"f:app\":{},"
        "\"f:pod-template-hash\":{}},\"f:ownerReferences\":{\".\":{},"
        "\"k:{\\\"uid\\\":\\\"5f3b1a52-4b2c-4e51-a5b8-6a0e7a1c9d11\\\"}\":{}}},\"f:spec\":{"
        "\"f:containers\":{\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},\"f:image\":{},"
        "\"f:imagePullPolicy\":{},\"f:name\":{},\"f:ports\":{\".\":{},"
        "\"k:{\\\"containerPort\\\":8080,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},"
        "\"f:containerPort\":{},\"f:name\":{},\"f:protocol\":{}}},\"f:resources\":{},"
        "\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}}},\"f:dnsPolicy\":{},"
        "\"f:enableServiceLinks\":{},\"f:restartPolicy\":{},\"f:schedulerName\":{},"
        "\"f:securityContext\":{},\"f:terminationGracePeriodSeconds\":{}}}},{\"manager\":"
        "\"kubelet\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":"
        "\"2026-11-28T04:08:01Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:status\":{"
        "\"f:conditions\":{\"k:{\\\"type\\\":\\\"ContainersReady\\\"}\":{\".\":{},"
        "\"f:lastProbeTime\":{},\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}},"
        "\"k:{\\\"type\\\":\\\"Ready\\\"}\":{\".\":{},\"f:lastProbeTime\":{},"
        "\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}}},\"f:containerStatuses\":{},"
        "\"f:hostIP\":{},\"f:phase\":{},\"f:podIP\":{},\"f:podIPs\":{\".\":{},"
        "\"k:{\\\"ip\\\":\\\"10.0.0.2\\\"}\":{\".\":{},\"f:ip\":{}}},\"f:startTime\":{}}},"
        "\"subresource\":\"status\"}]");
}

static void put_spec(struct sbuf *out, unsigned i)
{
    sbuf_printf(
        out,
        "\"spec\":{\"volumes\":[{\"name\":\"kube-api-access-x7k2p\",\"projected\":{\"sources\":[{"
        "\"serviceAccountToken\":{\"expirationSeconds\":3607,\"path\":\"token\"}},{\"configMap\":{"
        "\"name\":\"kube-root-ca.crt\",\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}]}}],"
        "\"defaultMode\":420}}],\"containers\":[{\"name\":\"web\",\"image\":"
        "\"registry.example/web@sha256:"
        "9b2a1c6f0d3e4b5a6978877665544332211ffeeddccbbaa00112233445566778\",\"ports\":[{\"name\":"
        "\"http\",\"containerPort\":8080,\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"MODE\","
        "\"value\":\"production\"}],\"resources\":{\"limits\":{\"memory\":\"128Mi\"}},"
        "\"volumeMounts\":[{\"name\":\"kube-api-access-x7k2p\",\"readOnly\":true,\"mountPath\":"
        "\"/var/run/secrets/kubernetes.io/serviceaccount\"}],\"terminationMessagePath\":"
        "\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":"
        "\"IfNotPresent\"}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
        "\"dnsPolicy\":\"ClusterFirst\",\"serviceAccountName\":\"default\",\"nodeName\":"
        "\"node-%u\",\"securityContext\":{},\"schedulerName\":\"default-scheduler\","
        "\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\","
        "\"effect\":\"NoExecute\",\"tolerationSeconds\":300}],\"priority\":0}",
        i % 100);
}

static void put_status(struct sbuf *out, unsigned i)
{
    sbuf_printf(
        out,
        "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
        "\"lastProbeTime\":null,\"lastTransitionTime\":\"2026-11-28T04:08:01Z\"},{\"type\":"
        "\"ContainersReady\",\"status\":\"True\",\"lastProbeTime\":null,\"lastTransitionTime\":"
        "\"2026-11-28T04:08:01Z\"}],\"hostIP\":\"192.0.2.7\",\"podIP\":\"10.%u.%u.%u\","
        "\"podIPs\":[{\"ip\":\"10.%u.%u.%u\"}],\"startTime\":\"2026-11-28T04:07:57Z\","
        "\"containerStatuses\":[{\"name\":\"web\",\"state\":{\"running\":{\"startedAt\":"
        "\"2026-11-28T04:08:00Z\"}},\"lastState\":{},\"ready\":true,\"restartCount\":0,\"image\":"
        "\"registry.example/web:1\",\"imageID\":"
        "\"sha256:9b2a1c6f0d3e4b5a6978877665544332211ffeeddccbbaa00112233445566778\","
        "\"containerID\":"
        "\"containerd://"
        "1b2a1c6f0d3e4b5a6978877665544332211ffeeddccbbaa00112233445566778\",\"started\":true}],"
        "\"qosClass\":\"Burstable\"}",
        i >> 14, i >> 7 & 127, i & 127, i >> 14, i >> 7 & 127, i & 127);
}

static void make_list(struct sbuf *out)
{
    sbuf_puts(out, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
                   "\"21639\"},\"items\":[");
    for (unsigned i = 0; i < PODS; i++) {
        sbuf_printf(out,
                    "%s{\"metadata\":{\"name\":\"web-%u-7d9f8b6c5d-x2k%u\",\"generateName\":"
                    "\"web-%u-7d9f8b6c5d-\",\"namespace\":\"ns-%u\",\"uid\":"
                    "\"a60cb701-0e2c-4d93-be08-%012u\",\"resourceVersion\":\"%u\","
                    "\"creationTimestamp\":\"2026-11-28T04:07:57Z\",\"labels\":{\"app\":\"web-%u\","
                    "\"pod-template-hash\":\"7d9f8b6c5d\"},",
                    i ? "," : "", i % 50, i, i % 50, i % 100, i, i + 400, i % 50);
        put_managed(out);
        sbuf_puts(out, "},");
        put_spec(out, i);
        sbuf_putc(out, ',');
        put_status(out, i);
        sbuf_putc(out, '}');
    }
    sbuf_puts(out, "]}\n");
}

static bool read_file(const char *name, struct sbuf *out)
{
    char piece[PIECE];
    size_t n;
    FILE *f = fopen(name, "rb");
    if (!f)
        return false;
    while ((n = fread(piece, 1, sizeof piece, f)))
        sbuf_put(out, piece, n);
    return fclose(f) == 0;
}

/* ---- the two readers ---- */

struct counts {
    size_t objects, memory;
};

static void on_object(void *aux, const char *type, const cJSON *json)
{
    struct counts *c = aux;
    struct object_meta *object;
    struct err err;
    (void)type;
    if (object_decode(json, K8S_POD, &object, &err)) {
        printf("not a Pod: %s\n", err.text);
        exit(1);
    }
    object_free(object);
    c->objects++;
}

static void on_bad(void *aux, const char *type, const cJSON *json, const char *why)
{
    (void)aux;
    (void)type;
    (void)json;
    printf("bad: %s\n", why);
    exit(1);
}

static double stream_seconds(const struct sbuf *text, struct counts *c)
{
    struct json_stream *s = json_stream_new(JSON_STREAM_LIST, k8s_class_of(K8S_POD)->fields,
                                            &(struct json_stream_sink){c, on_object, on_bad});
    struct err err;
    double begin = now();
    for (size_t i = 0; i < text->len; i += PIECE) {
        size_t n = text->len - i < PIECE ? text->len - i : PIECE;
        if (json_stream_put(s, text->data + i, n, &err)) {
            printf("%s\n", err.text);
            exit(1);
        }
        size_t memory = json_stream_memory(s);
        c->memory = memory > c->memory ? memory : c->memory;
    }
    double seconds = now() - begin;
    json_stream_free(s);
    return seconds;
}

static double proto_seconds(const struct sbuf *body, struct counts *c)
{
    struct proto_stream *s =
        proto_stream_new(JSON_STREAM_LIST, "Pod", k8s_class_of(K8S_POD)->fields,
                         &(struct json_stream_sink){c, on_object, on_bad});
    struct err err;
    double begin = now();
    for (size_t i = 0; i < body->len; i += PIECE) {
        size_t n = body->len - i < PIECE ? body->len - i : PIECE;
        if (proto_stream_put(s, body->data + i, n, &err)) {
            printf("%s\n", err.text);
            exit(1);
        }
        size_t memory = proto_stream_memory(s);
        c->memory = memory > c->memory ? memory : c->memory;
    }
    double seconds = now() - begin;
    proto_stream_free(s);
    return seconds;
}

static double cjson_seconds(const struct sbuf *text)
{
    double begin = now();
    cJSON *tree = cJSON_ParseWithLength(text->data, text->len);
    double seconds = now() - begin;
    if (!tree) {
        printf("not for cJSON\n");
        exit(1);
    }
    cJSON_Delete(tree);
    return seconds;
}

/* A list of JSON as Protobuf; half of it is skipped. */
static void make_proto(const struct sbuf *text, struct sbuf *out)
{
    auto_sbuf list = SBUF_INIT;
    cJSON *tree = cJSON_ParseWithLength(text->data, text->len);
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(tree, "items");
    proto_put_list_meta(&list, "21639", "");
    for (const cJSON *c = items ? items->child : NULL; c; c = c->next) {
        auto_sbuf item = SBUF_INIT;
        auto_sbuf skipped = SBUF_INIT;
        if (!proto_put_tree(&item, k8s_class_of(K8S_POD)->fields, c)) {
            printf("not for Protobuf\n");
            exit(1);
        }
        sbuf_put_zeros(&skipped, item.len);
        proto_put_message(&item, 99, &skipped);
        proto_put_message(&list, 2, &item);
    }
    proto_put_body(out, "PodList", &list);
    cJSON_Delete(tree);
}

static bool bench_proto(const char *name, const struct sbuf *text, double json)
{
    auto_sbuf body = SBUF_INIT;
    double ours = 1e9;
    struct counts c = {0, 0};
    make_proto(text, &body);
    for (int i = 0; i < ROUNDS; i++) {
        double s = proto_seconds(&body, &c);
        ours = s < ours ? s : ours;
    }
    c.objects /= ROUNDS;
    bool good =
        (ours / json <= PROTO_LIMIT || getenv("SEINE_BENCH_UNTIMED")) && c.memory <= MEMORY_MAX;
    printf("{\"protobuf\":\"%s\",\"objects\":%zu,\"bytes\":%zu,\"us_an_object\":%.2f,"
           "\"of_json\":%.2f,\"stream_memory\":%zu,\"good\":%s}\n",
           name, c.objects, body.len, ours * 1e6 / (double)c.objects, ours / json, c.memory,
           good ? "true" : "false");
    return good;
}

static bool bench(const char *name, const struct sbuf *text)
{
    double ours = 1e9, peer = 1e9, mb = (double)text->len / 1e6;
    struct counts c = {0, 0};
    for (int i = 0; i < ROUNDS; i++) {
        double s = stream_seconds(text, &c), p = cjson_seconds(text);
        ours = s < ours ? s : ours;
        peer = p < peer ? p : peer;
    }
    c.objects /= ROUNDS;
    bool good = (peer / ours >= LIMIT || getenv("SEINE_BENCH_UNTIMED")) && c.memory <= MEMORY_MAX;
    printf(
        "{\"text\":\"%s\",\"objects\":%zu,\"bytes\":%zu,\"stream_mb_s\":%.0f,\"cjson_mb_s\":%.0f,"
        "\"ratio\":%.1f,\"us_an_object\":%.2f,\"stream_memory\":%zu,\"good\":%s}\n",
        name, c.objects, text->len, mb / ours, mb / peer, peer / ours,
        ours * 1e6 / (double)c.objects, c.memory, good ? "true" : "false");
    return bench_proto(name, text, ours) && good;
}

int main(int argc, char **argv)
{
    bool good = true;
    for (int i = 1; i < argc; i++) {
        auto_sbuf text = SBUF_INIT;
        if (!read_file(argv[i], &text)) {
            printf("cannot read %s\n", argv[i]);
            return 1;
        }
        good = bench(argv[i], &text) && good;
    }
    if (argc == 1) {
        auto_sbuf text = SBUF_INIT;
        make_list(&text);
        good = bench("made", &text);
    }
    return good ? 0 : 1;
}
