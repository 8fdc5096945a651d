/* identity.h: who this host is to the server: STATE/agent.json (agent/link/secret.h), written
 * once by enrolment. Any thread; nothing is shared. */
#ifndef ALTO_AGENT_LINK_IDENTITY_H
#define ALTO_AGENT_LINK_IDENTITY_H

#include "base/text.h"
#include "port/port.h"

#define IDENTITY_FILE "agent.json"
#define IDENTITY_FILE_MAX 16384u /* bytes */

struct identity {
    char *server;  /* URL */
    char *ca_file; /* absolute path, or NULL: the system's authorities */
    char *bearer;  /* "<host id>.<secret>" */
    al_id host_id, customer_id;
};

/* state: the open state directory. AL_ENOENT: not enrolled; AL_ECORRUPT. */
int identity_load(struct port *port, struct port_file *state, struct identity **ret,
                  struct al_fail *fail) AL_MUST_CHECK;
/* NULL is fine; returns NULL; wipes the secret */
struct identity *identity_free(struct identity *id);
void identity_freep(struct identity **id);

struct enrol_conf {
    struct port *port;
    struct port_file *state;
    const char *server, *token;
    const char *ca_file; /* NULL: the system's */
    const char *name;    /* NULL: the host's name */
    const char *os, *version;
};
/* Asks the server and writes the file. AL_EEXIST: this directory is enrolled already; AL_EPERM or
 * AL_EAUTH: the token is not (any more) good; the codes of http_call. */
int identity_enrol(const struct enrol_conf *conf, struct al_fail *fail) AL_MUST_CHECK;

#endif
