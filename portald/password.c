/* Passwords as they are typed to log in; password_verify() is the way in. */
#include "config.h"

#include "password.h"

#include <errno.h>
#include <sodium.h>

#define NOBODYS "\x01" /* no password can be this one */

enum code_form password_read(const char *typed, char ret[static PASSWORD_SIZE])
{
    char code[CODE_SIZE];
    enum code_form form = code_read(typed, code);

    if (form == CODE_RIGHT)
        memcpy(ret, code, sizeof code);
    else if (secret_normalize(typed, ret, PASSWORD_SIZE) < 0)
        ret[0] = 0;
    sodium_memzero(code, sizeof code);
    return form;
}

/* dn NULL: the decoy's. */
static int verify_at(struct login *login, const char *dn, const char *password)
{
    long long deadline = login->request->deadline;
    int r;

    if ((r = secret_gate_enter(login->manager->gate, deadline)) < 0)
        return r;
    r = directory_verify(login->worker->directory, dn, *password ? password : NOBODYS, deadline);
    secret_gate_leave(login->manager->gate);
    if (r < 0)
        return r == -EINVAL ? -EACCES : r;
    return dn && *password ? 0 : -EACCES;
}

int password_verify(struct login *login, const char *password)
{
    int r = verify_at(login, login_exists(login) ? login->entry->dn : NULL, password);

    if (r == 0)
        login->proof = proof_make(login->entry);
    return r;
}

int password_verify_nobodys(struct login *login, const char *password)
{
    return verify_at(login, NULL, password);
}

int password_take_back(struct login *login, unsigned set)
{
    int r;

    if (login_succeed(login, set, NULL) != -ESTALE)
        return 0;
    /* Who was faster, and with what, must be known before anybody is let in. */
    if ((r = login_find(login, login->secrets)) < 0)
        return r;
    if (!login_exists(login))
        return -EBADMSG;
    if (!proof_holds(&login->proof, login->entry)) /* locked: that is said */
        return account_login(login->entry, login->now) == WIRE_OK ? -EBADMSG : 0;
    login_succeed(login, set, NULL);
    return 0;
}
