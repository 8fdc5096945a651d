#include "agent/run/rights.h"

#include <string.h>

#include "agent/run/agent.h"
#include "base/mem.h"
#include "port/service.h"

const char *const rights_needed[RIGHTS_COUNT] = {"SeBackupPrivilege", "SeRestorePrivilege",
                                                 "SeSecurityPrivilege", "SeManageVolumePrivilege",
                                                 "SeChangeNotifyPrivilege"};

static const struct {
    const char *lost;   /* without it */
    const char *policy; /* as secpol.msc and group policies call it */
} about[RIGHTS_COUNT] = {
    {"files whose rights forbid it are not read", "Back up files and directories"},
    {"files whose owner or rights it may not set are not tiered", "Restore files and directories"},
    {"audit entries (SACL) are neither read nor set", "Manage auditing and security log"},
    {"no USN journal is read: every scan walks all", "Perform volume maintenance tasks"},
    {"folders that forbid it are not passed through", "Bypass traverse checking"},
};

struct looked {
    bool service,
        of_ours; /* whose process it is; the virtual account, which is given its rights by us */
    char account[PORT_ACCOUNT_MAX];
    enum port_right rights[RIGHTS_COUNT];
};

/* The service's process where there is one, else this one. */
static int
look(struct looked *l, struct doctor_report *report)
{
    AL_CLEANUP(al_freep) struct port_service_status *s = al_zalloc(sizeof(*s));
    struct al_fail fail = {0};
    int rc = s == NULL ? AL_ENOMEM : port_service_query(AGENT_SERVICE, s, &fail);

    if (rc == AL_ENOTSUP) {
        return rc;
    }
    l->service = rc == AL_OK && s->state == PORT_SERVICE_RUNNING && s->pid != 0;
    l->of_ours = rc == AL_OK && s->state != PORT_SERVICE_NONE &&
                 strncmp(s->account, "NT SERVICE\\", 11) == 0;
    rc =
        port_rights_of(l->service ? s->pid : 0, rights_needed, RIGHTS_COUNT, l->rights, l->account);
    if (rc != AL_OK && rc != AL_ENOTSUP) {
        doctor_find(report, "account", DOCTOR_WARN,
                    rc == AL_ENOENT ? "ask again; if it stays so, restart the machine"
                                    : "run it in an elevated PowerShell",
                    "what the %s may do cannot be seen (%s)", l->service ? "service" : "program",
                    al_code_name(rc));
    }
    return rc;
}

static const char *
next_of(const struct looked *l, size_t i, char to[256])
{
    if (l->rights[i] == PORT_RIGHT_OFF) {
        return "alto-agent service stop, then start: it switches on what it holds; see agent.log";
    }
    if (!l->service) {
        return "run doctor in an elevated PowerShell; better: start the service and ask again";
    }
    (void)snprintf(
        to, 256,
        l->of_ours
            ? "alto-agent service install gives it, then service stop and start; a "
              "group policy may take it away again: \"%s\""
            : "secpol.msc, User Rights Assignment, \"%s\": add the account, then "
              "start the service anew; or service install --account \"NT SERVICE\\\\alto-agent\"",
        about[i].policy);
    return to;
}

static void
tell(const struct looked *l, size_t i, struct doctor_report *report)
{
    char next[256];

    if (l->rights[i] == PORT_RIGHT_ON) {
        doctor_find(report, rights_needed[i], DOCTOR_GOOD, NULL, "held, and on");
    } else if (l->rights[i] == PORT_RIGHT_OFF && !l->service) {
        doctor_find(report, rights_needed[i], DOCTOR_GOOD, NULL,
                    "held, switched off: the agent switches it on when it starts");
    } else if (l->rights[i] == PORT_RIGHT_OFF) {
        doctor_find(report, rights_needed[i], DOCTOR_WARN, next_of(l, i, next),
                    "held, but switched off: %s", about[i].lost);
    } else {
        doctor_find(report, rights_needed[i], DOCTOR_WARN, next_of(l, i, next), "lacking: %s",
                    about[i].lost);
    }
}

void
rights_checkup(struct doctor_report *report)
{
    struct looked l = {0};

    if (look(&l, report) != AL_OK) {
        return;
    }
    if (l.service) {
        doctor_find(report, "account", DOCTOR_GOOD, NULL, "the service runs as %.200s", l.account);
    } else {
        doctor_find(report, "account", DOCTOR_WARN,
                    "alto-agent service start, then ask again: the service's rights are its own",
                    "the service does not run; what follows is of %.150s, who asks", l.account);
    }
    for (size_t i = 0; i < RIGHTS_COUNT; i++) {
        tell(&l, i, report);
    }
}
