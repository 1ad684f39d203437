/* SPDX-License-Identifier: Apache-2.0
 *
 * seine-agent: which of its commands, its options, and where its log goes. */
#include <stdio.h>
#include <string.h>

#include "core/agent/agent.h"
#include "core/agent/logline.h"
#include "core/agent/options.h"
#include "core/agent/render.h"
#include "core/base/log.h"
#include "core/base/version.h"
#include "platform/program.h"

static int main_run(const struct options *o)
{
    return agent_run(o);
}

static const struct {
    const char *name;
    int (*run)(const struct options *o);
} main_commands[] = {{"run", main_run}, {"cleanup", cleanup_run}};

static int main_print(const struct options *o)
{
    auto_sbuf text = SBUF_INIT;
    if (o->version) {
        sbuf_printf(&text, "seine-agent %s\n", version_text());
    } else if (o->markdown) {
        options_markdown(&text);
    } else {
        options_help(&text);
    }
    return fputs(sbuf_cstr(&text), stdout) < 0 || fflush(stdout) != 0 ? 1 : 0;
}

static int main_options(int argc, char **argv, int (*run)(const struct options *o))
{
    struct options o;
    struct err err = {0};
    if (options_parse(&o, argc, argv, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        options_done(&o);
        return 2;
    }
    if (o.help || o.version) {
        int rc = main_print(&o);
        options_done(&o);
        return rc;
    }
    bool json = strcmp(o.log_format, "json") == 0;
    log_set_levels("info", NULL);
    log_set_levels(o.log_level, NULL);
    log_set_sink(json ? logline_json : logline_text, stderr);
    int rc = run(&o);
    options_done(&o);
    return rc;
}

int main(int argc, char **argv)
{
    program_start(&argc, &argv);
    if (argc > 1 && strcmp(argv[1], "render") == 0) {
        return render_main(argc - 1, argv + 1);
    }
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(main_commands); i++) {
        if (strcmp(argv[1], main_commands[i].name) == 0) {
            return main_options(argc - 1, argv + 1, main_commands[i].run);
        }
    }
    return main_options(argc, argv, main_run);
}
