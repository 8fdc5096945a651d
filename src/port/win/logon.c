#include "port/logon.h"

#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

struct port_logon {
    HANDLE token;
};

#define LOGON_UNITS 512u /* of a user, a domain or a password */

/* "DOMAIN\name" is two words to LogonUserW, "name@domain" and "name" are one. */
static bool
words_of(const char *user, const char *password, wchar_t words[3][LOGON_UNITS], bool *ret_domain)
{
    const char *slash = strchr(user, '\\');
    int len = slash != NULL ? (int)(slash - user) : 0;

    *ret_domain = slash != NULL;
    if (slash != NULL) {
        int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, user, len, words[1],
                                    LOGON_UNITS - 1);
        if (n <= 0) {
            return false;
        }
        words[1][n] = L'\0';
        user = slash + 1;
    }
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, user, -1, words[0], LOGON_UNITS) >
               1 &&
           MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, password, -1, words[2], LOGON_UNITS) >
               0;
}

/* Wine 8 hands out a number that is no token. */
static bool
is_token(HANDLE h)
{
    TOKEN_TYPE type;
    DWORD len;

    return GetTokenInformation(h, TokenType, &type, sizeof(type), &len);
}

int
port_logon_new(const char *user, const char *password, struct port_logon **ret,
               struct al_fail *fail)
{
    wchar_t words[3][LOGON_UNITS] = {{0}};
    struct port_logon *l = al_zalloc(sizeof(*l));
    bool domain = false, done;
    DWORD error;

    if (l == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (!words_of(user, password, words, &domain)) {
        al_free(l);
        al_wipe(words, sizeof(words));
        return al_fail_set(fail, AL_EINVAL, 0, "a user name or password that is none");
    }
    /* A local name without a domain is asked for as "."; what the server gets is name and password. */
    done = LogonUserW(words[0],
                      domain                           ? words[1]
                      : wcschr(words[0], L'@') == NULL ? L"."
                                                       : NULL,
                      words[2], LOGON32_LOGON_NEW_CREDENTIALS, LOGON32_PROVIDER_WINNT50, &l->token);
    error = done ? 0 : GetLastError();
    al_wipe(words, sizeof(words));
    if (!done || !is_token(l->token)) {
        int rc = done ? AL_ENOTSUP : win_code(error);

        al_free(l);
        return al_fail_set(fail, rc, error,
                           "this system gives no logon for the network to this program");
    }
    *ret = l;
    return AL_OK;
}

struct port_logon *
port_logon_free(struct port_logon *l)
{
    if (l != NULL) {
        (void)CloseHandle(l->token); /* fails only for what is none */
        al_free(l);
    }
    return NULL;
}

int
port_logon_use(const struct port_logon *l)
{
    if (l == NULL) {
        if (!RevertToSelf()) {
            TerminateProcess(GetCurrentProcess(), 3);
        }
        return AL_OK;
    }
    return ImpersonateLoggedOnUser(l->token) ? AL_OK : win_code(GetLastError());
}
