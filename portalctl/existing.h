/* A customer that the directory has already: what an import compares with, and what it writes. */
#pragma once

#include "customer.h"

#include <ldap.h>

struct existing {
    char *dn;                 /* NULL: there is none */
    char **value[IDENTITIES]; /* as the directory has them; NULL-terminated, never NULL */
    bool is_customer;         /* of class portalCustomer */
};
/* What to ask for. */
extern const char *const existing_attributes[];
/* 0, -EIO or -ENOMEM. */
int existing_read(LDAP *ld, LDAPMessage *entry, struct existing *ret);
void existing_clear(struct existing *existing);

/* In what the customer of a file differs, as a set of IDENTITY_BIT()s. What the file leaves empty
   doesn't differ, policy numbers that it doesn't name neither. A name that it leaves empty differs
   along with given name or surname, when the directory's was made of those. */
unsigned existing_differs(const struct existing *existing, const struct customer *customer);
/* "sn, postalAddress" */
#define DIFFERENCES_SIZE 128
void differences_name(unsigned differences, char ret[static DIFFERENCES_SIZE]);

/* --- Writing: either returns what libldap does, and the message's id --- */

/* As a new entry: uid=UID below base. */
int existing_add(LDAP *ld, const char *base, const struct customer *customer, int *ret_id);
/* Sets what differs; policy numbers are added, and none is taken away. */
int existing_change(LDAP *ld, const struct existing *existing, const struct customer *customer,
                    unsigned differences, int *ret_id);
/* uid=UID,base; malloc'ed, or NULL. */
char *existing_dn(const char *uid, const char *base);
