#include "agent/auditlog/when.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DIGITS_MAX 40u /* that may matter: 19 of a whole number, and a fraction's */
#define EXPONENT_MAX 100000
#define TEXT_MAX 1024u /* bytes: nobody writes a time that long */

/* How many nanoseconds one of the number is. */
static uint64_t
unit_of(uint64_t number)
{
    return number >= UINT64_C(100000000000000000) ? 1
           : number >= UINT64_C(100000000000000)  ? 1000
           : number >= UINT64_C(100000000000)     ? 1000000
                                                  : 1000000000;
}

int64_t
auditlog_time_of(uint64_t number)
{
    uint64_t unit = unit_of(number);

    return number > (uint64_t)INT64_MAX / unit ? INT64_MAX : (int64_t)(number * unit);
}

/* Digits, and perhaps a fraction. */
static bool
decimal(const char *text, int64_t *ret_ns)
{
    size_t whole = strspn(text, "0123456789"), part = 0;
    uint64_t number = 0, unit, rest = 0;

    if (whole == 0 || whole > 19) {
        return false;
    }
    for (size_t i = 0; i < whole; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (text[whole] == '.') {
        part = strspn(text + whole + 1, "0123456789");
    }
    if (text[whole] != '\0' && (part == 0 || text[whole + 1 + part] != '\0')) {
        return false;
    }
    unit = unit_of(number);
    for (size_t i = 0; i < part && unit > 1; i++) {
        unit /= 10;
        rest += unit * (uint64_t)(text[whole + 1 + i] - '0');
    }
    *ret_ns = auditlog_time_of(number);
    if (*ret_ns <= INT64_MAX - (int64_t)rest) {
        *ret_ns += (int64_t)rest;
    }
    return true;
}

/* "e-12", "E+9" or nothing, to the end; of any length, since beyond a hundred thousand it makes no
 * difference any more. */
static bool
exponent_of(const char *at, int64_t *ret)
{
    size_t digits;

    *ret = 0;
    if (*at == '\0') {
        return true;
    }
    if (*at != 'e' && *at != 'E') {
        return false;
    }
    at += 1 + (at[1] == '+');
    digits = strspn(at + (*at == '-'), "0123456789");
    if (digits == 0 || at[(*at == '-') + digits] != '\0') {
        return false;
    }
    if (al_parse_i64(at, ret) != AL_OK || *ret > EXPONENT_MAX || *ret < -EXPONENT_MAX) {
        *ret = *at == '-' ? -EXPONENT_MAX : EXPONENT_MAX;
    }
    return true;
}

/* Any other number, such as one with an exponent, as digits and a fraction: "1.789e9". */
static bool
scientific(const char *text, int64_t *ret_ns)
{
    const size_t whole = strspn(text, "0123456789");
    const size_t part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    const char *rest = text + whole + (text[whole] == '.') + part;
    size_t zeros = 0, len = 0;
    char digits[DIGITS_MAX], plain[DIGITS_MAX + 2];
    int64_t exponent, point;

    if (whole == 0 || (text[whole] == '.' && part == 0) || !exponent_of(rest, &exponent)) {
        return false;
    }
    while (zeros < whole + part && text[zeros + (zeros >= whole)] == '0') {
        zeros++;
    }
    point = (int64_t)whole - (int64_t)zeros + exponent; /* digits before it */
    if (zeros == whole + part || point <= 0) {
        return false; /* below one */
    }
    if (point > 19) {
        *ret_ns = INT64_MAX;
        return true;
    }
    for (size_t i = zeros; len < DIGITS_MAX && (i < whole + part || (int64_t)len < point); i++) {
        digits[len++] = (char)(i < whole + part ? text[i + (i >= whole)] : '0');
    }
    (void)snprintf(plain, sizeof(plain), "%.*s%s%.*s", (int)point, digits,
                   (int64_t)len > point ? "." : "", (int)((int64_t)len - point), digits + point);
    return decimal(plain, ret_ns);
}

bool
auditlog_time_text(struct al_span s, int64_t *ret_ns)
{
    char text[TEXT_MAX];
    int64_t ns;

    if (s.len == 0 || s.len >= sizeof(text) || memchr(s.at, 0, s.len) != NULL) {
        return false;
    }
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    if (!decimal(text, &ns) && !scientific(text, &ns) && al_time_parse(text, &ns) != AL_OK) {
        return false;
    }
    if (ns < AUDITLOG_TIME_MIN_NS) {
        return false;
    }
    *ret_ns = ns;
    return true;
}
