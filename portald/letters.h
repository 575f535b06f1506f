/* What the directory is told of a letter. */
#pragma once

#include "account.h"

/* The changes that follow from job's state: printed, posted, or ended otherwise. */
void letters_changes(const struct account_rules *rules, const struct entry *entry,
                     const struct job *job, struct changes *changes);
