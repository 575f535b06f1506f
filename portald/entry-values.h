/* The readers of single values, for the table in entry.c. */
#pragma once

#include "entry.h"

/* A value and where it goes. Readers return 0, -EINVAL when they don't understand it, or -ENOMEM.
   data has no NUL inside or behind it unless the rule says that it is bytes. field: of the entry,
   unless the reader knows where its value belongs. */
typedef int entry_reader_function(struct entry *e, void *field, const char *data, size_t length);

entry_reader_function entry_read_text, entry_read_list, entry_read_policy, entry_read_job,
    entry_read_number, entry_read_revision, entry_read_count, entry_read_time, entry_read_state,
    entry_read_uid, entry_read_uuid, entry_read_language, entry_read_postal_address,
    entry_read_birth_date, entry_read_letter_address, entry_read_pending, entry_read_former,
    entry_read_letter, entry_read_history, entry_read_code, entry_read_totp_secret,
    entry_read_request, entry_read_result;

/* Copies length bytes and puts a NUL behind them. -ENOMEM. */
int entry_keep(const char *data, size_t length, char **ret);
