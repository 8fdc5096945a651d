#include "../store/fixture.h"

#include "base/mem.h"
#include "server/auth/auth.h"

static struct auth *
open_auth(struct fixture *f)
{
    struct auth *a = NULL;
    struct al_fail fail = {0};

    if (auth_open(port_native(), f->dir, &a, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s", fail.text);
    }
    return a;
}

/* ---- sealing ---- */

static void
test_a_sealed_secret_opens_again_after_a_restart(void)
{
    struct al_buf sealed = {.max = 4096}, plain = {.max = 4096};
    struct port_stat st;
    struct fixture f;
    struct auth *a;
    char path[128];

    fixture_open(&f);
    a = open_auth(&f);
    TAP_OK(auth_seal(a, "share:1", al_span_of("geheim"), &sealed));
    TAP_EQUAL_U64(sealed.len, 6 + AUTH_SEAL_MORE);
    TAP_CHECK(memmem(sealed.at, sealed.len, "geheim", 6) == NULL);
    a = auth_close(a);
    a = open_auth(&f);
    TAP_OK(auth_unseal(a, "share:1", al_buf_span(&sealed), &plain));
    TAP_EQUAL_STR((char *)plain.at, "geheim");
    snprintf(path, sizeof path, "%s/seal.key", f.dir);
    TAP_OK(port_stat_at(port_native(), NULL, path, &st));
    TAP_EQUAL_U64(st.mode & 0777, 0600);
    TAP_EQUAL_U64(st.size, 32);
    a = auth_close(a);
    al_buf_free(&sealed);
    al_buf_free(&plain);
    fixture_close(&f);
}

static void
test_a_sealed_secret_opens_nowhere_else_and_not_when_altered(void)
{
    struct al_buf sealed = {.max = 4096}, again = {.max = 4096}, plain = {.max = 4096};
    struct fixture f, g;
    struct auth *a, *b;

    fixture_open(&f);
    fixture_open(&g);
    a = open_auth(&f);
    b = open_auth(&g);
    TAP_OK(auth_seal(a, "share:1", al_span_of("geheim"), &sealed));
    TAP_OK(auth_seal(a, "share:1", al_span_of("geheim"), &again));
    TAP_CHECK(!al_span_equal(al_buf_span(&sealed), al_buf_span(&again)));
    TAP_CODE(auth_unseal(a, "share:2", al_buf_span(&sealed), &plain), AL_ECORRUPT);
    TAP_CODE(auth_unseal(b, "share:1", al_buf_span(&sealed), &plain), AL_ECORRUPT);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.at[i] ^= 1;
        TAP_CODE(auth_unseal(a, "share:1", al_buf_span(&sealed), &plain), AL_ECORRUPT);
        sealed.at[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++) {
        TAP_CODE(auth_unseal(a, "share:1", (struct al_span){sealed.at, len}, &plain), AL_ECORRUPT);
    }
    TAP_EQUAL_U64(plain.len, 0);
    a = auth_close(a);
    b = auth_close(b);
    al_buf_free(&sealed);
    al_buf_free(&again);
    al_buf_free(&plain);
    fixture_close(&f);
    fixture_close(&g);
}

static void
test_a_key_file_that_is_cut_or_open_to_others_is_refused(void)
{
    struct al_fail fail = {0};
    struct auth *a;
    struct fixture f;
    char path[128];

    fixture_open(&f);
    a = open_auth(&f);
    a = auth_close(a);
    snprintf(path, sizeof path, "%s/seal.key", f.dir);
    TAP_CHECK(chmod(path, 0640) == 0);
    TAP_CODE(auth_open(port_native(), f.dir, &a, &fail), AL_EACCES);
    TAP_CHECK(chmod(path, 0600) == 0);
    TAP_CHECK(truncate(path, 31) == 0);
    TAP_CODE(auth_open(port_native(), f.dir, &a, NULL), AL_ECORRUPT);
    TAP_CHECK(truncate(path, 33) == 0);
    TAP_CODE(auth_open(port_native(), f.dir, &a, NULL), AL_ECORRUPT);
    fixture_close(&f);
}

/* ---- passwords, tokens ---- */

static void
test_a_password_is_known_by_its_hash_alone(void)
{
    char hash[AUTH_HASH_TEXT], other[AUTH_HASH_TEXT];
    struct fixture f;
    struct auth *a;

    fixture_open(&f);
    a = open_auth(&f);
    TAP_OK(auth_password_hash(a, "correct horse", hash));
    TAP_OK(auth_password_hash(a, "correct horse", other));
    TAP_CHECK(strcmp(hash, other) != 0);
    TAP_CHECK(strncmp(hash, "$argon2id$", 10) == 0);
    TAP_OK(auth_password_check(a, hash, "correct horse"));
    TAP_CODE(auth_password_check(a, hash, "correct horsf"), AL_EAUTH);
    TAP_CODE(auth_password_check(a, hash, ""), AL_EAUTH);
    TAP_CODE(auth_password_check(a, NULL, "correct horse"), AL_EAUTH);
    TAP_CODE(auth_password_check(a, "not a hash", "correct horse"), AL_EAUTH);
    a = auth_close(a);
    fixture_close(&f);
}

static void
test_poor_passwords_are_refused(void)
{
    char longest[AUTH_PASSWORD_MAX + 2];

    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "abcde", 5);
    TAP_CODE(auth_password_good("short", NULL), AL_EINVAL);
    TAP_CODE(auth_password_good("aaaaaaaaaaaa", NULL), AL_EINVAL);
    TAP_CODE(auth_password_good(longest, NULL), AL_EINVAL);
    longest[AUTH_PASSWORD_MAX] = '\0';
    TAP_OK(auth_password_good(longest, NULL));
    TAP_OK(auth_password_good("correct horse", NULL));
}

static void
test_made_passwords_and_tokens_differ_and_have_their_length(void)
{
    char *one = NULL, *two = NULL, token[AUTH_TOKEN_TEXT], more[AUTH_TOKEN_TEXT];
    uint8_t hash[STORE_HASH_LEN], again[STORE_HASH_LEN];
    struct fixture f;
    struct auth *a;

    fixture_open(&f);
    a = open_auth(&f);
    TAP_OK(auth_password_make(a, &one));
    TAP_OK(auth_password_make(a, &two));
    TAP_EQUAL_U64(strlen(one), AUTH_FIRST_PASSWORD);
    TAP_CHECK(strcmp(one, two) != 0);
    TAP_CHECK(strpbrk(one, "0O1lI") == NULL);
    TAP_OK(auth_token_make(a, token, hash));
    TAP_OK(auth_token_make(a, more, again));
    TAP_EQUAL_U64(strlen(token), 43);
    TAP_CHECK(strcmp(token, more) != 0);
    TAP_CHECK(strpbrk(token, "+/=.") == NULL);
    TAP_OK(auth_token_hash(token, again));
    TAP_CHECK(memcmp(hash, again, sizeof hash) == 0);
    al_free(one);
    al_free(two);
    a = auth_close(a);
    fixture_close(&f);
}

/* ---- logging in ---- */

#define SECOND INT64_C(1000000000)
#define T0 (INT64_C(1000000) * SECOND)

static void
add_user(struct fixture *f, struct auth *a, const char *name, const char *password, al_id id)
{
    char hash[AUTH_HASH_TEXT];
    struct store_user u = {
        .name = name, .role = ROLE_OPERATOR, .password_hash = hash, .created_ns = 1};

    TAP_OK(auth_password_hash(a, password, hash));
    make_id(f, u.id);
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(store_user_add(f->s, &f->all, &u, NULL));
    TAP_OK(store_commit(f->s, NULL));
    memcpy(id, u.id, sizeof u.id);
}

static void
log_in(struct fixture *f, struct auth *a, const char *name, const char *password, int64_t now,
       struct auth_login *ret)
{
    struct store_user u, known;

    TAP_OK(auth_check(a, f->s, name, password, f->arena, &u, &known, NULL));
    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(auth_begin(a, f->s, &u, "127.0.0.1:5", now, ret, NULL));
    TAP_OK(store_commit(f->s, NULL));
}

static void
test_a_session_lives_while_it_is_used_and_no_longer(void)
{
    char name[STORE_NAME_BYTES_MAX + 1];
    struct store_session t;
    struct auth_login login;
    struct store_user u;
    struct fixture f;
    struct auth *a;
    int64_t now = T0;
    al_id id;

    fixture_open(&f);
    a = open_auth(&f);
    add_user(&f, a, "Anna", "correct horse", id);
    log_in(&f, a, "aNNa", "correct horse", now, &login);
    for (int i = 0; i < 10; i++) {
        now += AUTH_SESSION_NS - SECOND;
        TAP_OK(auth_session(f.s, login.token, now, &t, &u, name, NULL));
        TAP_EQUAL_STR(u.id, id);
        TAP_EQUAL_STR(u.name, "Anna");
        TAP_CHECK(t.expires_ns == now + AUTH_SESSION_NS);
        TAP_CHECK(u.last_login_ns == T0);
    }
    TAP_CODE(auth_session(f.s, login.token, now + AUTH_SESSION_NS, &t, &u, name, NULL), AL_EAUTH);
    a = auth_close(a);
    fixture_close(&f);
}

static void
test_a_session_is_prolonged_later_when_somebody_writes(void)
{
    char name[STORE_NAME_BYTES_MAX + 1];
    struct store *other = NULL;
    struct auth_login login;
    struct store_session t;
    struct store_user u;
    struct fixture f;
    struct auth *a;
    al_id id;

    fixture_open(&f);
    a = open_auth(&f);
    add_user(&f, a, "anna", "correct horse", id);
    log_in(&f, a, "anna", "correct horse", T0, &login);
    TAP_OK(store_open(f.db, &other, NULL));
    TAP_OK(store_begin(other, NULL));
    TAP_OK(auth_session(f.s, login.token, T0 + 2 * AUTH_PROLONG_NS, &t, &u, name,
                        NULL)); /* does not wait */
    TAP_CHECK(t.expires_ns == T0 + AUTH_SESSION_NS);
    store_rollback(other);
    TAP_OK(auth_session(f.s, login.token, T0 + 2 * AUTH_PROLONG_NS, &t, &u, name, NULL));
    TAP_CHECK(t.expires_ns == T0 + 2 * AUTH_PROLONG_NS + AUTH_SESSION_NS);
    other = store_close(other);
    a = auth_close(a);
    fixture_close(&f);
}

static void
test_tokens_that_are_none_open_nothing(void)
{
    static const char *const bad[] = {
        "", "x", "' OR 1=1 --", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    char name[STORE_NAME_BYTES_MAX + 1];
    struct store_session t;
    struct store_host h;
    struct store_user u;
    struct fixture f;

    fixture_open(&f);
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(auth_session(f.s, bad[i], T0, &t, &u, name, NULL), AL_EAUTH);
        TAP_CODE(auth_host(f.s, bad[i], &h, name, NULL), AL_EAUTH);
    }
    fixture_close(&f);
}

static void
test_a_disabled_user_is_out_at_once_and_cannot_come_back(void)
{
    char name[STORE_NAME_BYTES_MAX + 1];
    struct store_user u, known;
    struct auth_login login;
    struct store_session t;
    struct fixture f;
    struct auth *a;
    al_id id, other;

    fixture_open(&f);
    a = open_auth(&f);
    add_user(&f, a, "anna", "correct horse", id);
    make_user(&f, NULL, "op", ROLE_OPERATOR, other);
    log_in(&f, a, "anna", "correct horse", T0, &login);
    TAP_OK(store_user_get(f.s, &f.all, id, f.arena, &u, NULL));
    u.disabled = true;
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_user_set(f.s, &f.all, &u, NULL));
    TAP_OK(store_commit(f.s, NULL));
    TAP_CODE(auth_session(f.s, login.token, T0 + 1, &t, &u, name, NULL), AL_EAUTH);
    TAP_CODE(auth_check(a, f.s, "anna", "correct horse", f.arena, &u, &known, NULL), AL_EAUTH);
    a = auth_close(a);
    fixture_close(&f);
}

static void
test_one_sentence_for_every_reason_a_login_fails(void)
{
    struct al_fail wrong = {0}, unknown = {0};
    struct store_user u, known;
    struct fixture f;
    struct auth *a;
    al_id id;

    fixture_open(&f);
    a = open_auth(&f);
    add_user(&f, a, "anna", "correct horse", id);
    TAP_CODE(auth_check(a, f.s, "anna", "wrong horse", f.arena, &u, &known, &wrong), AL_EAUTH);
    TAP_EQUAL_STR(known.id, id);
    TAP_CODE(auth_check(a, f.s, "berta", "wrong horse", f.arena, &u, &known, &unknown), AL_EAUTH);
    TAP_EQUAL_STR(known.id, "");
    TAP_EQUAL_STR(wrong.text, unknown.text);
    a = auth_close(a);
    fixture_close(&f);
}

static void
fail_once(struct fixture *f, const char *name, const char *peer, int64_t now)
{
    bool locked = false;

    TAP_OK(store_begin(f->s, NULL));
    TAP_OK(auth_failed(f->s, name, peer, now, &locked, NULL));
    TAP_OK(store_commit(f->s, NULL));
}

static void
test_guessing_closes_the_door_for_that_name_from_that_place(void)
{
    struct fixture f;
    int wait = 0;

    fixture_open(&f);
    for (unsigned i = 0; i < AUTH_FAILURES_MAX; i++) {
        TAP_OK(auth_throttle(f.s, "anna", "10.0.0.1:99", T0, &wait, NULL));
        fail_once(&f, i % 2 ? "anna" : "ANNA", i % 2 ? "10.0.0.1:7" : "10.0.0.1:8",
                  T0 + i * SECOND);
    }
    TAP_CODE(auth_throttle(f.s, "Anna", "10.0.0.1:99", T0 + 5 * SECOND, &wait, NULL), AL_ELIMIT);
    TAP_CHECK(wait > 800 && wait <= 900);
    TAP_OK(auth_throttle(f.s, "anna", "10.0.0.2:99", T0 + 5 * SECOND, &wait,
                         NULL)); /* she herself, elsewhere */
    TAP_OK(auth_throttle(f.s, "berta", "10.0.0.1:99", T0 + 5 * SECOND, &wait, NULL));
    TAP_OK(
        auth_throttle(f.s, "anna", "10.0.0.1:99", T0 + 5 * SECOND + AUTH_WINDOW_NS, &wait, NULL));
    fixture_close(&f);
}

static void
test_guessing_names_closes_the_door_for_the_place(void)
{
    struct fixture f;
    int wait = 0;

    fixture_open(&f);
    for (unsigned i = 0; i < AUTH_PEER_FAILURES_MAX; i++) {
        char name[32];

        snprintf(name, sizeof name, "name%u", i);
        TAP_OK(auth_throttle(f.s, name, "[::1]:99", T0, &wait, NULL));
        fail_once(&f, name, "[::1]:7", T0);
    }
    TAP_CODE(auth_throttle(f.s, "fresh", "[::1]:1", T0 + 1, &wait, NULL), AL_ELIMIT);
    TAP_OK(auth_throttle(f.s, "fresh", "[::2]:1", T0 + 1, &wait, NULL));
    fixture_close(&f);
}

static void
test_the_right_password_forgets_the_wrong_ones(void)
{
    struct auth_login login;
    struct fixture f;
    struct auth *a;
    int wait = 0;
    al_id id;

    fixture_open(&f);
    a = open_auth(&f);
    add_user(&f, a, "anna", "correct horse", id);
    for (unsigned i = 0; i + 1 < AUTH_FAILURES_MAX; i++) {
        fail_once(&f, "anna", "127.0.0.1:1", T0);
    }
    log_in(&f, a, "anna", "correct horse", T0, &login);
    fail_once(&f, "anna", "127.0.0.1:1", T0);
    TAP_OK(auth_throttle(f.s, "anna", "127.0.0.1:1", T0, &wait, NULL));
    a = auth_close(a);
    fixture_close(&f);
}

static void
test_a_host_comes_in_by_its_id_and_secret(void)
{
    char credential[AL_ID_LEN + 1 + AUTH_TOKEN_TEXT], token[AUTH_TOKEN_TEXT],
        name[STORE_NAME_BYTES_MAX + 1];
    struct store_host h = {.name = "fs1", .os = "linux", .agent_version = "1", .boot_id = "b"}, got;
    al_id customer;
    struct fixture f;
    struct auth *a;

    fixture_open(&f);
    a = open_auth(&f);
    make_customer(&f, "Acme", customer);
    make_id(&f, h.id);
    memcpy(h.customer_id, customer, sizeof h.customer_id);
    TAP_OK(auth_token_make(a, token, h.secret_hash));
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_host_add(f.s, &f.all, &h, NULL));
    TAP_OK(store_commit(f.s, NULL));
    snprintf(credential, sizeof credential, "%s.%s", h.id, token);
    TAP_OK(auth_host(f.s, credential, &got, name, NULL));
    TAP_EQUAL_STR(got.id, h.id);
    TAP_EQUAL_STR(got.customer_id, customer);
    TAP_EQUAL_STR(got.name, "fs1");
    credential[strlen(credential) - 1] ^= 1;
    TAP_CODE(auth_host(f.s, credential, &got, name, NULL), AL_EAUTH);
    credential[AL_ID_LEN + 1] = '\0';
    TAP_CODE(auth_host(f.s, credential, &got, name, NULL), AL_EAUTH);
    a = auth_close(a);
    fixture_close(&f);
}

int
main(void)
{
    TAP_RUN(test_a_sealed_secret_opens_again_after_a_restart);
    TAP_RUN(test_a_sealed_secret_opens_nowhere_else_and_not_when_altered);
    TAP_RUN(test_a_key_file_that_is_cut_or_open_to_others_is_refused);
    TAP_RUN(test_a_password_is_known_by_its_hash_alone);
    TAP_RUN(test_poor_passwords_are_refused);
    TAP_RUN(test_made_passwords_and_tokens_differ_and_have_their_length);
    TAP_RUN(test_a_session_lives_while_it_is_used_and_no_longer);
    TAP_RUN(test_a_session_is_prolonged_later_when_somebody_writes);
    TAP_RUN(test_tokens_that_are_none_open_nothing);
    TAP_RUN(test_a_disabled_user_is_out_at_once_and_cannot_come_back);
    TAP_RUN(test_one_sentence_for_every_reason_a_login_fails);
    TAP_RUN(test_guessing_closes_the_door_for_that_name_from_that_place);
    TAP_RUN(test_guessing_names_closes_the_door_for_the_place);
    TAP_RUN(test_the_right_password_forgets_the_wrong_ones);
    TAP_RUN(test_a_host_comes_in_by_its_id_and_secret);
    return tap_end();
}
