#include "model/scope.h"

#include <stdio.h>
#include <string.h>

struct scope
scope_system(void)
{
    return (struct scope){.all = true};
}

struct scope
scope_customer(const char *customer_id)
{
    struct scope s = {.all = false};

    /* An empty id would match whatever belongs to no customer; scope_sees and every query refuse
     * it. */
    if (customer_id != NULL && al_id_valid(customer_id)) {
        memcpy(s.customer_id, customer_id, AL_ID_LEN + 1);
    }
    return s;
}

bool
scope_sees(const struct scope *scope, const char *customer_id)
{
    if (scope->all) {
        return true;
    }
    return customer_id != NULL && customer_id[0] != '\0' &&
           strcmp(scope->customer_id, customer_id) == 0;
}

static const struct {
    enum service_role role;
    const char *name;
} roles[] = {
    {ROLE_NONE, "none"},       {ROLE_OPERATOR, "operator"}, {ROLE_ADMIN, "admin"},
    {ROLE_AUDITOR, "auditor"}, {ROLE_HOST, "host"},
};

const char *
model_role_name(enum service_role role)
{
    for (size_t i = 0; i < AL_LEN(roles); i++) {
        if (roles[i].role == role) {
            return roles[i].name;
        }
    }
    return "none";
}

enum service_role
model_role_of(const char *name)
{
    for (size_t i = 0; i < AL_LEN(roles); i++) {
        if (strcmp(roles[i].name, name) == 0 && (roles[i].role & ROLES_READ) != 0) {
            return roles[i].role;
        }
    }
    return ROLE_NONE;
}
