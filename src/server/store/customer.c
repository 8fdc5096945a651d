#include "server/store/store_priv.h"

#include <stdio.h>
#include <string.h>

int
store_refuse(struct store *s, const char *what, const char *id, const struct store_dependant *list,
             size_t count, struct al_fail *fail)
{
    char text[160] = "";
    uint64_t n;

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(text);

        AL_TRY(store_number(s, fail, &n, list[i].sql, S_TEXT(id)));
        if (n > 0) {
            (void)snprintf(text + len, sizeof text - len, "%s%llu %s", len > 0 ? ", " : "",
                           (unsigned long long)n, n == 1 ? list[i].one : list[i].many);
        }
    }
    if (text[0] != '\0') {
        return al_fail_set(fail, AL_ECONFLICT, 0, "this %s still has %s", what, text);
    }
    return AL_OK;
}

int
store_customer_add(struct store *s, const struct scope *scope, const struct store_customer *c,
                   struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope->all) {
        return al_fail_set(fail, AL_EPERM, 0, "only an operator makes customers");
    }
    return store_run(s, fail, "INSERT INTO customer(id, name, created_ns) VALUES(?1, ?2, ?3)",
                     S_TEXT(c->id), S_TEXT(c->name), S_I64(c->created_ns));
}

int
store_customer_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                   struct store_customer *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_customer c = {0};

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id, name, created_ns, version FROM customer WHERE id=?1 AND (?2 OR id=?3)",
        S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "customer", fail));
    store_col_id(q, 0, c.id);
    AL_TRY(store_col_dup(q, 1, a, &c.name));
    c.created_ns = store_col_i64(q, 2);
    c.version = store_col_u64(q, 3);
    *ret = c;
    return AL_OK;
}

int
store_customer_set(struct store *s, const struct scope *scope, const struct store_customer *c,
                   struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE customer SET name=?4, version=version+1 WHERE id=?1 AND (?2 OR id=?3)",
                     S_TEXT(c->id), S_SCOPE(scope), S_TEXT(c->name)));
    return store_need_change(s, "customer", fail);
}

int
store_customer_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    static const struct store_dependant dependants[] = {
        {"SELECT count(*) FROM host WHERE customer_id=?1", "host", "hosts"},
        {"SELECT count(*) FROM volume WHERE customer_id=?1", "volume", "volumes"},
        {"SELECT count(*) FROM share WHERE customer_id=?1", "share", "shares"},
        {"SELECT count(*) FROM app_user WHERE customer_id=?1", "user", "users"},
    };

    AL_TRY(store_need_tx(s, fail));
    if (scope_sees(scope, id)) {
        AL_TRY(store_refuse(s, "customer", id, dependants, AL_LEN(dependants), fail));
    }
    AL_TRY(store_run(s, fail, "DELETE FROM customer WHERE id=?1 AND (?2 OR id=?3)", S_TEXT(id),
                     S_SCOPE(scope)));
    return store_need_change(s, "customer", fail);
}

#define SUM(column) "(SELECT coalesce(sum(v." column "), 0) FROM volume v WHERE v.customer_id=t.id)"

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"name", "t.name", STORE_K_TEXT},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"version", "t.version", STORE_K_INT},
    {"hosts", "(SELECT count(*) FROM host h WHERE h.customer_id=t.id)", STORE_K_INT},
    {"volumes", "(SELECT count(*) FROM volume v WHERE v.customer_id=t.id)", STORE_K_INT},
    {"files", SUM("files"), STORE_K_INT},
    {"bytes", SUM("bytes"), STORE_K_INT},
    {"stub_files", SUM("stub_files"), STORE_K_INT},
    {"stub_bytes", SUM("stub_bytes"), STORE_K_INT},
    {"freed_bytes", SUM("freed_bytes"), STORE_K_INT},
};

static const struct store_filter_kind filters[] = {
    {"name", "t.name", STORE_T_EQ_NOCASE, STORE_K_TEXT},
    {"q", "t.name", STORE_T_CONTAINS, STORE_K_TEXT},
};

const struct store_noun store_customers = {
    .what = "customer",
    .from = "customer t",
    .id = "t.id",
    .customer = "t.id",
    .order = "t.id",
    .order_kind = STORE_K_TEXT,
    .version = "t.version",
    .fields = fields,
    .field_count = AL_LEN(fields),
    .filters = filters,
    .filter_count = AL_LEN(filters),
};
