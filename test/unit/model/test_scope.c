#include "model/scope.h"
#include "tap.h"

#define A "01j0000000000000000000000a"
#define B "01j0000000000000000000000b"

static void
test_a_customers_scope_sees_the_own_customer_alone(void)
{
    struct scope s = scope_customer(A);

    TAP_CHECK(scope_sees(&s, A));
    TAP_CHECK(!scope_sees(&s, B));
    TAP_CHECK(!scope_sees(&s, ""));
    TAP_CHECK(!scope_sees(&s, NULL));
}

static void
test_the_systems_scope_sees_everything(void)
{
    struct scope s = scope_system();

    TAP_CHECK(scope_sees(&s, A) && scope_sees(&s, "") && scope_sees(&s, NULL));
}

static void
test_a_scope_of_nobody_sees_nothing(void)
{
    static const char *const none[] = {"", "x", "01J0000000000000000000000A ", NULL};

    for (size_t i = 0; i < AL_LEN(none); i++) {
        struct scope s = scope_customer(none[i]);

        TAP_CHECK(!s.all && !scope_sees(&s, A) && !scope_sees(&s, "") && !scope_sees(&s, NULL));
    }
}

static void
test_roles_have_names_and_a_host_is_no_role_of_a_person(void)
{
    TAP_CHECK(model_role_of("operator") == ROLE_OPERATOR);
    TAP_CHECK(model_role_of("admin") == ROLE_ADMIN);
    TAP_CHECK(model_role_of("auditor") == ROLE_AUDITOR);
    TAP_CHECK(model_role_of("host") == ROLE_NONE);
    TAP_CHECK(model_role_of("none") == ROLE_NONE);
    TAP_CHECK(model_role_of("Admin") == ROLE_NONE);
    TAP_EQUAL_STR(model_role_name(ROLE_HOST), "host");
    TAP_EQUAL_STR(model_role_name((enum service_role)99), "none");
}

int
main(void)
{
    TAP_RUN(test_a_customers_scope_sees_the_own_customer_alone);
    TAP_RUN(test_the_systems_scope_sees_everything);
    TAP_RUN(test_a_scope_of_nobody_sees_nothing);
    TAP_RUN(test_roles_have_names_and_a_host_is_no_role_of_a_person);
    return tap_end();
}
