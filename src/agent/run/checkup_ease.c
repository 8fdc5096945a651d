/* checkup_ease.c: what doctor says of Windows' own parts: the filter driver and the service. */
#include <stdio.h>
#include <string.h>

#include "agent/run/agent.h"
#include "agent/run/checkup.h"
#include "agent/run/driver.h"
#include "base/json.h"
#include "base/mem.h"
#include "port/service.h"

#define STATE_MAX (64u << 10)

/* What the running agent told last; AL_ENOENT: nothing yet. */
static int
told(struct port *port, struct port_file *state, char to[32])
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    const char *word = NULL;
    int rc;

    al_buf_init(&text, STATE_MAX);
    rc = port_read_file(port, state, DRIVER_STATE_FILE, STATE_MAX, &text);
    rc = rc != AL_OK ? rc : al_json_parse(al_buf_span(&text), &j, NULL);
    rc = rc != AL_OK ? rc : al_json_str(j, "state", &word, NULL);
    if (rc == AL_OK) {
        (void)snprintf(to, 32, "%.30s", word);
    }
    return rc;
}

static void
check_driver(struct port *port, struct port_file *state, struct doctor_report *report)
{
    struct driver_state s;
    struct al_fail fail = {0};
    char agent[32] = "";

    if (driver_probe(port, state, &s, &fail) != AL_OK) {
        doctor_find(report, "driver", DOCTOR_BAD, "see alto-agent driver set", "%.200s", fail.text);
        return;
    }
    if (s.ease.flavour != EASE_NONE) {
        doctor_find(report, "driver-dll",
                    s.ease.flavour == EASE_CLOUDTIER ? DOCTOR_GOOD : DOCTOR_WARN,
                    s.ease.flavour == EASE_CLOUDTIER ? NULL : "take CloudTier's DLL and driver",
                    "%.60s %.60s (%s)%s", s.ease.product[0] != '\0' ? s.ease.product : "of no name",
                    s.ease.version[0] != '\0' ? s.ease.version : "of no version",
                    ease_flavour_name(s.ease.flavour),
                    s.ease.flavour == EASE_CLOUDTIER ? "" : ": reads stubs, makes none of files");
    }
    if (s.why != DRIVER_UNKNOWN) { /* what can be seen from here is wrong already */
        doctor_find(report, "driver", DOCTOR_BAD, driver_why_next(s.why), "%s", s.text);
        return;
    }
    doctor_find(report, "driver-key", DOCTOR_GOOD, NULL, "a licence key is kept");
    if (told(port, state, agent) == AL_OK && strcmp(agent, "ok") == 0) {
        doctor_find(report, "driver", DOCTOR_GOOD, NULL, "the agent is connected to it");
    } else {
        doctor_find(report, "driver", DOCTOR_BAD, "alto-agent driver status; see agent.log",
                    "the driver runs, but the agent is not connected (%s)",
                    agent[0] != '\0' ? agent : "it told nothing yet");
    }
}

static void
check_service(struct doctor_report *report)
{
    AL_CLEANUP(al_freep) struct port_service_status *s = al_zalloc(sizeof(*s));
    struct al_fail fail = {0};

    if (s == NULL || port_service_query(AGENT_SERVICE, s, &fail) != AL_OK) {
        doctor_find(report, "service", DOCTOR_WARN, "run it as an administrator",
                    "the service cannot be asked: %.180s", fail.text);
    } else if (s->state == PORT_SERVICE_NONE) {
        doctor_find(report, "service", DOCTOR_WARN, "alto-agent service install",
                    "there is no service: the agent runs only as long as somebody runs it");
    } else if (s->state != PORT_SERVICE_RUNNING) {
        doctor_find(report, "service", DOCTOR_WARN, "alto-agent service start; see the event log",
                    "the service does not run (account %.80s, ended with %u)", s->account,
                    s->exit_code);
    } else {
        doctor_find(report, "service", DOCTOR_GOOD, NULL, "it runs as %.100s", s->account);
    }
}

void
agent_checkup_system(struct port *port, struct port_file *state, struct doctor_report *report)
{
    check_service(report);
    check_driver(port, state, report);
}
