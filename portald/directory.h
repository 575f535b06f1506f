/* The directory: one struct directory a thread, with a handle for the service account and another
   for checking passwords (a bind changes a handle's identity). Connections are made when needed and
   thrown away after an error; what an error interrupted is tried once more on a new one, if it is
   safe to and the deadline allows. Deadlines are of clock_monotonic_ms() and hold exactly, but for
   the lookup of a host name when a connection is made. */
#pragma once

#include "entry.h"

struct directory_servers; /* directory-servers.h */

struct directory_options {
    const char *uri; /* one or more, separated by blanks; the first that is well is used */
    struct directory_servers *servers; /* of the same URIs, shared by all that are opened with it;
                                          NULL: each has its own */
    const char *base;                  /* of the customers: ou=customers,… */
    const char *bind_dn;               /* NULL: SASL EXTERNAL (ldapi:///) */
    const char *bind_password;         /* in locked memory, owned by the caller */
    const char *decoy_dn;
    int starttls;                     /* 0 no, 1 required (but for ldapi) */
    const char *ca_file;              /* NULL: the system's */
    const char *cert_file, *key_file; /* for SASL EXTERNAL over TLS; NULL: none */
    long network_timeout; /* seconds for connect and each reply, at most the request's deadline */
};

struct directory;
/* Doesn't connect. The first call sets LDAPNOINIT in the environment, so that no file or variable
   of libldap's counts: either it is set already, or the first call comes before other threads run.
   Returns 0; -EINVAL when a URI isn't one; -ENOMEM. */
int directory_open(const struct directory_options *options, struct directory **ret);
struct directory *directory_free(struct directory *d);
DEFINE_CLEANUP(struct directory, directory_free)

enum directory_key {
    DIRECTORY_MAIL, /* any state; where several match, one that is initial, active, locked or closed
                       wins */
    DIRECTORY_LOGIN, /* as MAIL, but the entry has only what a login decides on: dn, uid, uuid,
                        mail, the confirmed one, language, policies, state, revision, the password's
                        times, the sealed TOTP secret and its last step, failures, session epoch,
                        last login */
    DIRECTORY_CONFIRMED_MAIL, /* only those states */
    DIRECTORY_FORMER_MAIL,    /* portalFormerMail, by its address */
    DIRECTORY_POLICY,         /* portalPolicyNumber */
    DIRECTORY_PENDING,        /* by token hash: the beginning of portalPending */
    DIRECTORY_UID,
    DIRECTORY_UUID,
    DIRECTORY_SESSION, /* as UUID, but the entry has only what LOGIN gives */
    DIRECTORY_JOB,     /* portalJob */
};
/* Finds one entry. value is escaped here. Returns 0; -ENOENT; -ENOTUNIQ when several match;
   -EHOSTDOWN, -ETIMEDOUT when the directory can't be asked; -EIO with anything else that it said.
   secrets: whether userPassword, PUK, mailed code and pwdHistory are fetched, too. */
int directory_find(struct directory *d, enum directory_key key, const char *value, bool secrets,
                   long long deadline, struct entry **ret);

/* Hands every entry that has this attribute to visit, with what DIRECTORY_LOGIN gives, until that
   returns something else than 0, which is returned. d must be used for nothing else meanwhile.
   -ECONNRESET when the connection broke in between: to be begun again; else directory_find()'s
   errors. */
typedef int directory_visit(void *userdata, const struct entry *entry);
int directory_each(struct directory *d, enum attribute has, directory_visit *visit, void *userdata);
/* Where a look that goes page by page has come to; zeroed: at the beginning. */
#define DIRECTORY_PLACE_ENTRIES 50
#define DIRECTORY_COOKIE_MAX    256
struct directory_place {
    unsigned char cookie[DIRECTORY_COOKIE_MAX];
    size_t size;
};
/* The next DIRECTORY_PLACE_ENTRIES whose attribute, a time, lies in [from, to], or, where it is a
   string, equals value; both by the attribute's index. Entries have all that isn't secret. Between
   calls d may be used for anything but another look. Returns 1 when there are more, 0 after the
   last, or an error as directory_each(); then place is at the beginning again. */
int directory_each_between(struct directory *d, struct directory_place *place,
                           enum attribute attribute, time_t from, time_t to, directory_visit *visit,
                           void *userdata);
int directory_each_with(struct directory *d, struct directory_place *place,
                        enum attribute attribute, const char *value, directory_visit *visit,
                        void *userdata);
/* The same with all that have the attribute at all. */
int directory_each_present(struct directory *d, struct directory_place *place,
                           enum attribute attribute, directory_visit *visit, void *userdata);
/* directory_each() with every customer, whole: secrets, too. */
int directory_each_customer(struct directory *d, directory_visit *visit, void *userdata);

/* Binds as dn (NULL: the decoy, whose answer is never 0) with password: 0 when it is right; -EACCES
   when wrong; -EINVAL for an empty one (so also one that begins with NUL; no other can get here,
   wire_get_string() refuses it) or one over 1024 bytes, without asking; -EHOSTDOWN, -ETIMEDOUT,
   -EIO. */
int directory_verify(struct directory *d, const char *dn, const char *password, long long deadline);

/* One modify: swaps portalRevision and carries changes out; every CHANGE_SET of mail deletes the
   exact old value. Returns 0; -ESTALE when somebody else was faster (read again, decide again),
   and for a mail that the constraint overlay refuses, which says the same of both;
   -EEXIST when the address or policy number belongs to another entry; -ENOENT when the entry has
   gone; -EINVAL for a change of portalRevision or entryUUID; -EUCLEAN when the outcome isn't known
   (read again and look for portalRevision); -EHOSTDOWN, -ETIMEDOUT before it was sent; -EPERM when
   access rules refuse it; -EOPNOTSUPP when the entry's object classes or its name do; -EIO. */
int directory_swap(struct directory *d, const struct entry *entry, const struct changes *changes,
                   long long deadline);
/* The same cost for a name that doesn't exist: replaces the decoy's description. */
int directory_touch_decoy(struct directory *d, long long deadline);
/* Which attributes the entry has beside those of entry.h and objectClass: a NULL-terminated list
   for directory_names_free(), or NULL where there is none. directory_find()'s errors; -E2BIG. */
#define DIRECTORY_NAMES_MOST 48
int directory_names(struct directory *d, const struct entry *entry, long long deadline,
                    char ***ret);
char **directory_names_free(char **names);
/* The same of object classes that customers' entries do without. */
int directory_classes(struct directory *d, const struct entry *entry, long long deadline,
                      char ***ret);
/* Whether whoever changed the entry last is a member of the group of this DN; also false where that
   can't be told. 0 or directory_find()'s errors. */
int directory_written_by(struct directory *d, const struct entry *entry, const char *group,
                         long long deadline, bool *ret);
/* Whether it answers: 0 or an error. */
int directory_ping(struct directory *d, long long deadline);
/* Whether what isn't found here is nowhere: 0; -EAGAIN while another server is away that may have a
   write which this one hasn't received, or such a write is on its way; directory_find()'s
   errors. */
int directory_settled(struct directory *d, long long deadline);
/* Who the service account is, as the server sees it: its DN, escaped for a filter. 0; -E2BIG; or
   directory_find()'s errors. */
#define DIRECTORY_WHO_SIZE 256
int directory_who(struct directory *d, long long deadline, char ret[static DIRECTORY_WHO_SIZE]);
/* The last error in words, for the log: "Can't contact LDAP server (ldapi:///)". */
const char *directory_error(const struct directory *d);
