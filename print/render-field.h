/* The address field, 85 by 45 millimetres: return address and remarks, and below them the address.
 */
#pragma once

#include "render-look.h"

/* Whether the return address fits into its line, at its smallest. */
bool render_return_address_fits(struct page *page, const char *text);
/* Draws the field. remark may be "", lines otherwise. Returns 0; -EBADMSG, and why, when the
   address can't be shown whole. */
int render_field(const struct renderer *r, struct page *page, const char *remark,
                 const char *address, char why[static LETTER_WHY_SIZE]);
