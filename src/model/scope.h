/* scope.h: roles, and whose data a call may see. Shared by store, inventory and service, so that
 * none of them can be called without a scope (invariant 8). Plain values; any thread. */
#ifndef ALTO_MODEL_SCOPE_H
#define ALTO_MODEL_SCOPE_H

#include "base/text.h"

enum service_role {                    /* bits: a route names the set that may call it */
                    ROLE_NONE = 0,     /* nobody is logged in: login, health, enrolment */
                    ROLE_OPERATOR = 1, /* all customers */
                    ROLE_ADMIN = 2,    /* own customer, reads and writes */
                    ROLE_AUDITOR = 4,  /* own customer, reads */
                    ROLE_HOST = 8      /* an agent */
};
#define ROLES_READ (ROLE_OPERATOR | ROLE_ADMIN | ROLE_AUDITOR)
#define ROLES_WRITE (ROLE_OPERATOR | ROLE_ADMIN)

/* Made only by service_scope (from the caller) and, for altod's own housekeeping, scope_system. */
struct scope {
    bool all;          /* operator */
    al_id customer_id; /* otherwise: only this one; empty sees nothing */
};

struct scope scope_system(void);
struct scope scope_customer(const char *customer_id);
/* Whether something of this customer (NULL or "": of no customer) may be seen. */
bool scope_sees(const struct scope *scope, const char *customer_id);

/* "operator", "admin", "auditor", "host", "none". */
const char *model_role_name(enum service_role role);
/* A role a person can have, by name; ROLE_NONE for anything else, "host" included. */
enum service_role model_role_of(const char *name);

#endif
