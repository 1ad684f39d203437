/* SPDX-License-Identifier: Apache-2.0
 *
 * seine-agent: which of its commands, its options, and where its log goes. */
#include <stdio.h>
#include <string.h>

#include "core/agent/agent.h"
#include "core/agent/cni_files.h"
#include "core/agent/config_file.h"
#include "core/agent/install.h"
#include "core/agent/logline.h"
#include "core/agent/options.h"
#include "core/agent/render.h"
#include "core/base/log.h"
#include "core/base/output.h"
#include "core/base/version.h"
#include "platform/program.h"
#include "platform/service.h"

enum { MAIN_LOG_LIMIT = 8 << 20 }; /* bytes of a service's log; as many again in the one before */

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
    return output_put("seine-agent", text.data, text.len);
}

/* What ends the program before there is a log. */
static void main_tell(const char *text)
{
    fprintf(stderr, "%s\n", text);
    service_log_event(SERVICE_EVENT_ERROR, text);
}

/* A service's stderr leads nowhere: its log is a file of the run directory. */
static void main_log(const struct options *o)
{
    bool json = strcmp(o->log_format, "json") == 0;
    log_set_levels("info", NULL);
    log_set_levels(o->log_level, NULL);
    if (service_is_managed()) {
        auto_sbuf path = SBUF_INIT;
        struct err err = {0};
        sbuf_printf(&path, "%s/logs/seine-agent.log", o->run_dir);
        if (service_log_open(path.data, MAIN_LOG_LIMIT, &err) < 0) {
            main_tell(err.text);
        }
    }
    log_set_sink(json ? logline_json : logline_text, service_is_managed() ? NULL : stderr);
}

static int main_options(int argc, char **argv, int (*run)(const struct options *o))
{
    struct options o;
    struct err err = {0};
    if (options_parse(&o, argc, argv, &err) < 0) {
        main_tell(err.text);
        options_done(&o);
        return 2;
    }
    if (o.help || o.version) {
        int rc = main_print(&o);
        options_done(&o);
        return rc;
    }
    main_log(&o);
    int rc = run(&o);
    service_log_close();
    options_done(&o);
    return rc;
}

/* A service may have been made with a configuration file that nobody wrote yet (by the MSI). */
static void main_service_config(int argc, char **argv)
{
    struct err err = {0};
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && config_file_ensure(argv[i + 1], &err) < 0) {
            main_tell(err.text);
        }
    }
}

static int main_run(int argc, char **argv)
{
    if (service_is_managed()) {
        main_service_config(argc, argv);
    }
    return main_options(argc, argv, agent_run);
}

int main(int argc, char **argv)
{
    program_start(&argc, &argv);
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "render") == 0) {
        return render_main(argc - 1, argv + 1);
    }
    if (strcmp(verb, "cleanup") == 0) {
        return main_options(argc - 1, argv + 1, cleanup_run);
    }
    if (strcmp(verb, "install-cni") == 0) {
        return main_options(argc - 1, argv + 1, cni_files_install);
    }
    if (strcmp(verb, "pause") == 0) {
        return agent_pause();
    }
    if (install_is_verb(verb)) {
        return install_main(argc - 1, argv + 1);
    }
    bool named = strcmp(verb, "run") == 0;
    return service_main_run("seine-agent", named ? argc - 1 : argc, named ? argv + 1 : argv,
                            main_run);
}
