#include "server/service/plan/costs.h"
#include "server/service/plan/ops.h"

#include <stdio.h>
#include <string.h>

#define CENT 100 /* in hundredths of a cent */

/* ---- money ---- */

int
money_parse(const char *text, uint64_t *ret)
{
    uint64_t whole = 0, part = 0, scale = MONEY_UNIT;
    size_t digits = strspn(text, "0123456789"), more;

    if (digits == 0 || digits > 9) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i < digits; i++) {
        whole = whole * 10 + (uint64_t)(text[i] - '0');
    }
    text += digits;
    if (*text == '.') {
        text++;
        more = strspn(text, "0123456789");
        if (more == 0 || more > 4) {
            return AL_EINVAL;
        }
        for (size_t i = 0; i < more; i++) {
            scale /= 10;
            part += (uint64_t)(text[i] - '0') * scale;
        }
        text += more;
    }
    if (*text != '\0' || whole * MONEY_UNIT + part > MONEY_PRICE_MAX) {
        return AL_EINVAL;
    }
    *ret = whole * MONEY_UNIT + part;
    return AL_OK;
}

void
money_text(int64_t money, char to[MONEY_TEXT_MAX])
{
    uint64_t v = money < 0 ? (uint64_t)0 - (uint64_t)money : (uint64_t)money;
    int len = snprintf(to, MONEY_TEXT_MAX, "%s%llu.%04llu", money < 0 ? "-" : "",
                       (unsigned long long)(v / MONEY_UNIT), (unsigned long long)(v % MONEY_UNIT));

    for (int cut = 0; cut < 2 && len > 0 && to[len - 1] == '0'; cut++) {
        to[--len] = '\0';
    }
}

int64_t
money_of(uint64_t price, uint64_t bytes, uint64_t unit_bytes)
{
    unsigned __int128 product = (unsigned __int128)price * bytes;
    unsigned __int128 cents = (product / CENT + unit_bytes / 2) / unit_bytes;

    return cents > INT64_MAX / CENT ? INT64_MAX / CENT * CENT : (int64_t)cents * CENT;
}

/* Sums are of whole cents, so that they add up as they are shown. */
void
costs_plan_json(struct al_jsonout *j, const struct store_costs *c, uint64_t freed_bytes,
                uint64_t bytes, uint64_t recall_bytes)
{
    int64_t primary = money_of(c->primary_tb_month, freed_bytes, TB_BYTES),
            tier = money_of(c->tier_tb_month, bytes, TB_BYTES);
    char text[MONEY_TEXT_MAX];

    al_jo_object(j, "cost");
    al_jo_str(j, "currency", c->currency);
    money_text(primary, text);
    al_jo_str(j, "primary_month", text);
    money_text(tier, text);
    al_jo_str(j, "tier_month", text);
    money_text(primary - tier, text);
    al_jo_str(j, "saved_month", text);
    money_text(money_of(c->recall_gb, recall_bytes, GB_BYTES), text);
    al_jo_str(j, "recalls", c->has_recall ? text : NULL);
    al_jo_close(j);
}

/* ---- a customer's prices ---- */

static void
price_json(struct al_jsonout *j, const char *key, bool has, uint64_t price)
{
    char text[MONEY_TEXT_MAX];

    money_text((int64_t)price, text);
    al_jo_str(j, key, has ? text : NULL);
}

static int
costs_json(struct service_reply *reply, const struct store_costs *c)
{
    struct al_jsonout j;

    reply->etag = c->version;
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "currency", c->currency[0] == '\0' ? NULL : c->currency);
    price_json(&j, "primary_tb_month", c->has_primary, c->primary_tb_month);
    price_json(&j, "tier_tb_month", c->has_tier, c->tier_tb_month);
    price_json(&j, "recall_gb", c->has_recall, c->recall_gb);
    al_jo_u64(&j, "version", c->version);
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
costs_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_costs c;

    SV_TRY(store_costs_get(req->worker->db, &scope, req->ids[0], &c, fail));
    return costs_json(reply, &c);
}

static int
price(struct service_req *req, const char *key, bool *ret_has, uint64_t *ret, struct al_fail *fail)
{
    const char *text = NULL;

    SV_TRY(service_body_text(req, key, 1, MONEY_TEXT_MAX, false, &text, fail));
    *ret_has = text != NULL;
    *ret = 0;
    if (text != NULL && money_parse(text, ret) != AL_OK) {
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "\"%s\" is an amount like \"12.34\", with at most four digits behind the "
            "point, and at most 1000000",
            key);
    }
    return AL_OK;
}

static int
read_costs(struct service_req *req, struct store_costs *c, struct al_fail *fail)
{
    const char *currency = NULL;

    SV_TRY(service_body_text(req, "currency", STORE_CURRENCY_LEN, STORE_CURRENCY_LEN, false,
                             &currency, fail));
    SV_TRY(price(req, "primary_tb_month", &c->has_primary, &c->primary_tb_month, fail));
    SV_TRY(price(req, "tier_tb_month", &c->has_tier, &c->tier_tb_month, fail));
    SV_TRY(price(req, "recall_gb", &c->has_recall, &c->recall_gb, fail));
    if (currency == NULL && !c->has_primary && !c->has_tier && !c->has_recall) {
        return AL_OK; /* nothing is told any more */
    }
    if (currency == NULL || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != STORE_CURRENCY_LEN) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"currency\" is a code of three letters, like EUR");
    }
    memcpy(c->currency, currency, STORE_CURRENCY_LEN + 1);
    return AL_OK;
}

static int
costs_event(struct service_req *req, const char *customer_id, const struct store_costs *was,
            const struct store_costs *now, struct al_fail *fail)
{
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    const struct {
        const char *key;
        bool had, has;
        uint64_t old, new;
    } prices[] = {
        {"primary_tb_month", was->has_primary, now->has_primary, was->primary_tb_month,
         now->primary_tb_month},
        {"tier_tb_month", was->has_tier, now->has_tier, was->tier_tb_month, now->tier_tb_month},
        {"recall_gb", was->has_recall, now->has_recall, was->recall_gb, now->recall_gb},
    };

    service_detail_begin(&d);
    service_detail_text(&d, "currency", was->currency, now->currency);
    for (size_t i = 0; i < AL_LEN(prices); i++) {
        char from[MONEY_TEXT_MAX], to[MONEY_TEXT_MAX];

        money_text((int64_t)prices[i].old, from);
        money_text((int64_t)prices[i].new, to);
        service_detail_text(&d, prices[i].key, prices[i].had ? from : NULL,
                            prices[i].has ? to : NULL);
    }
    SV_TRY(service_detail_end(&d));
    return service_event(req, customer_id, "customer.costs", "customer", customer_id, NULL, NULL,
                         &d.text, fail);
}

int
costs_set(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"currency", "primary_tb_month", "tier_tb_month", "recall_gb",
                                       NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_costs was, now = {0};

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(read_costs(req, &now, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_costs_get(tx.db, &scope, req->ids[0], &was, fail));
    SV_TRY(service_if_match(req, was.version, fail));
    SV_TRY(store_costs_set(tx.db, &scope, req->ids[0], &now, fail));
    SV_TRY(costs_event(req, req->ids[0], &was, &now, fail));
    SV_TRY(store_costs_get(tx.db, &scope, req->ids[0], &now, fail));
    SV_TRY(costs_json(reply, &now));
    return service_commit(&tx, reply, fail);
}
