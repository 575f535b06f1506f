/* What the files of the directory share; everybody else includes directory.h. */
#pragma once

#include "directory-servers.h"
#include "directory-socket.h"
#include "directory.h"

enum directory_role {
    DIRECTORY_SERVICE, /* bound as portald */
    DIRECTORY_VERIFY,  /* bound as whoever's password was right last */
    DIRECTORY_ROLES,
};

struct directory_handle {
    LDAP *ld; /* NULL: not connected */
    struct directory_socket socket;
    size_t server; /* its number */
    const char *uri;
};

#define DIRECTORY_ERROR_SIZE 384

struct directory {
    struct directory_options options; /* strings are our own, but bind_password */
    struct directory_servers *servers;
    bool own_servers;
    struct directory_handle handles[DIRECTORY_ROLES];
    /* What is searched for, NULL-terminated. */
    char *login[ATTRIBUTES + 1], *plain[ATTRIBUTES + 1], *all[ATTRIBUTES + 1];
    char error[DIRECTORY_ERROR_SIZE];
};

/* What the server said to one request. */
struct directory_result {
    int code;             /* LDAP_… */
    char diagnostic[160]; /* in its words, without control characters */
    LDAPMessage *message; /* all that came */
};
void directory_result_clear(struct directory_result *result);

/* One piece of work on a connected handle, done again while it returns -EHOSTDOWN or -ETIMEDOUT and
   the deadline, which it is handed, allows. */
typedef int directory_work(struct directory *d, struct directory_handle *h, void *request,
                           long long deadline);
int directory_try(struct directory *d, enum directory_role role, directory_work *work,
                  void *request, long long deadline);

/* directory-connect.c */
int directory_connect(struct directory *d, enum directory_role role, long long deadline);
void directory_drop(struct directory_handle *h);
/* Sends a simple bind, or with dn NULL a SASL EXTERNAL one, and waits for the answer. */
int directory_bind(struct directory *d, struct directory_handle *h, const char *dn,
                   const char *password, struct directory_result *ret);
/* Waits for the answer to what libldap returned rc and message_id for. Returns 0 and the result, or
   -EHOSTDOWN, -ETIMEDOUT, -EIO, -ENOMEM; then the handle is closed. */
int directory_wait(struct directory *d, struct directory_handle *h, int rc, int message_id,
                   struct directory_result *ret);
/* Keeps what went wrong for directory_error(); returns error. */
int directory_fail(struct directory *d, const struct directory_handle *h, int error,
                   const char *what, const char *why);
/* The same for a result that isn't a success. */
int directory_refused(struct directory *d, struct directory_handle *h, const char *what,
                      const struct directory_result *result, int error);
/* directory-search.c: one entry of an answer. 0, -EIO or -ENOMEM. */
int directory_read_entry(LDAP *ld, LDAPMessage *message, struct entry **ret);
