/* Mail addresses of customers: which we take, and in which form they are kept and compared. */
#pragma once

#include <stddef.h>

#define MAIL_ADDRESS_SIZE 255 /* RFC 5321, 4.5.3.1.3: a path of 256 with its brackets */
#define MAIL_LOCAL_MAX    64  /* RFC 5321, 4.5.3.1.1 */

/* Whether typed is an address that we accept from a customer: local part and domain as in RFC 5321,
   4.1.2, without quoted strings, address literals and source routes; a domain of at least two
   labels that libidn2 takes. Returns 0 and the canonical form (blanks around it gone; domain in its
   ASCII form, lower case; local part as typed), or -EINVAL. What is accepted holds nothing but
   printable ASCII, so directory (IA5), SMTP and headers take it as it is. */
int mail_address_read(const char *typed, char ret[static MAIL_ADDRESS_SIZE]);
/* The form in which login names and addresses are compared: all lower case. */
void mail_address_fold(const char *address, char ret[static MAIL_ADDRESS_SIZE]);
/* A login name in the form that it is compared in. Returns 0, or -EINVAL for what can't be one: no
   address, or blanks around one, which slapd would pass over. */
int login_name_read(const char *typed, char ret[static MAIL_ADDRESS_SIZE]);
