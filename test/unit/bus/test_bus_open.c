/* Which bus an address opens, and what happens without memory. */
#include "base/fault.h"
#include "base/mem.h"
#include "server/bus/bus.h"
#include "tap.h"

static void
test_no_address_is_the_local_bus(void)
{
    struct bus *b = NULL;

    TAP_OK(bus_open(NULL, &b, NULL));
    TAP_CHECK(b != NULL);
    TAP_CHECK(bus_close(b) == NULL);
    TAP_CHECK(bus_close(NULL) == NULL);
}

static void
test_an_unknown_address_is_told_with_what_is_known(void)
{
    static const char *const unknown[] = {"redis://127.0.0.1", "", "local", "local:x"};

    for (size_t i = 0; i < AL_LEN(unknown); i++) {
        struct al_fail fail = {0};
        struct bus *b = NULL;

        TAP_CODE(bus_open(unknown[i], &b, &fail), AL_ENOTSUP);
        TAP_CHECK(b == NULL && strstr(fail.text, "local:") != NULL);
    }
}

static void
test_without_memory_nothing_opens(void)
{
    struct bus *b = NULL;
    int rc;

    al_fault_arm(AL_FAULT_MEM, 1, true);
    rc = bus_open(NULL, &b, NULL);
    TAP_CHECK(al_fault_disarm() >= 1);
    TAP_CODE(rc, AL_ENOMEM);
    TAP_CHECK(b == NULL);
}

int
main(void)
{
    TAP_RUN(test_no_address_is_the_local_bus);
    TAP_RUN(test_an_unknown_address_is_told_with_what_is_known);
    TAP_RUN(test_without_memory_nothing_opens);
    return tap_end();
}
