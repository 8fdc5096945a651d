#include "agent/auditlog/filter.h"

#include <string.h>

#include "base/mem.h"

int
audit_names_add(struct audit_names *n, const char *pattern)
{
    char **more;

    if (n->count >= AUDIT_NAMES_MAX || strlen(pattern) > AUDIT_NAME_BYTES_MAX) {
        return AL_ELIMIT;
    }
    more = al_realloc(n->at, (n->count + 1) * sizeof(*more));
    if (more == NULL) {
        return AL_ENOMEM;
    }
    n->at = more;
    n->at[n->count] = al_strdup(pattern);
    if (n->at[n->count] == NULL) {
        return AL_ENOMEM;
    }
    n->count++;
    return AL_OK;
}

void
audit_names_free(struct audit_names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        al_free(n->at[i]);
    }
    al_free(n->at);
    *n = (struct audit_names){0};
}

bool
audit_names_same(const struct audit_names *a, const struct audit_names *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->at[i], b->at[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The last '*' alone is gone back to: linear in most cases, never worse than the product of both lengths. */
bool
audit_name_matches(const char *pattern, struct al_span name)
{
    const char *p = pattern, *star = NULL;
    size_t i = 0, from = 0;

    while (i < name.len) {
        if (*p == '*') {
            star = ++p;
            from = i;
        } else if (*p != '\0' && (*p == '?' || al_lower((uint8_t)*p) == al_lower(name.at[i]))) {
            p++;
            i++;
        } else if (star != NULL) {
            p = star;
            i = ++from;
        } else {
            return false;
        }
    }
    while (*p == '*') {
        p++;
    }
    return *p == '\0';
}

bool
audit_names_match(const struct audit_names *n, struct al_span name)
{
    for (size_t i = 0; i < n->count; i++) {
        if (audit_name_matches(n->at[i], name)) {
            return true;
        }
    }
    return false;
}

void
audit_settings_free(struct audit_settings *s)
{
    al_free(s->root);
    audit_names_free(&s->drop_users);
    audit_names_free(&s->drop_hosts);
    audit_names_free(&s->drop_nodes);
    audit_names_free(&s->logs);
    *s = (struct audit_settings){0};
}

bool
audit_settings_same(const struct audit_settings *a, const struct audit_settings *b)
{
    return (a->root == b->root ||
            (a->root != NULL && b->root != NULL && strcmp(a->root, b->root) == 0)) &&
           a->prehydrate == b->prehydrate && a->silence_hours == b->silence_hours &&
           audit_names_same(&a->drop_users, &b->drop_users) &&
           audit_names_same(&a->drop_hosts, &b->drop_hosts) &&
           audit_names_same(&a->drop_nodes, &b->drop_nodes) && audit_names_same(&a->logs, &b->logs);
}

static int
names_copy(const struct audit_names *from, struct audit_names *to)
{
    int rc = AL_OK;

    for (size_t i = 0; i < from->count && rc == AL_OK; i++) {
        rc = audit_names_add(to, from->at[i]);
    }
    return rc;
}

int
audit_settings_copy(const struct audit_settings *from, struct audit_settings *ret)
{
    struct audit_settings s = {.prehydrate = from->prehydrate,
                               .silence_hours = from->silence_hours};
    int rc = AL_OK;

    if (from->root != NULL) {
        s.root = al_strdup(from->root);
        rc = s.root != NULL ? AL_OK : AL_ENOMEM;
    }
    rc = rc != AL_OK ? rc : names_copy(&from->drop_users, &s.drop_users);
    rc = rc != AL_OK ? rc : names_copy(&from->drop_hosts, &s.drop_hosts);
    rc = rc != AL_OK ? rc : names_copy(&from->drop_nodes, &s.drop_nodes);
    rc = rc != AL_OK ? rc : names_copy(&from->logs, &s.logs);
    if (rc != AL_OK) {
        audit_settings_free(&s);
        return rc;
    }
    *ret = s;
    return AL_OK;
}
