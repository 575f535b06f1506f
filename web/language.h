/* Which language somebody reads. */
#pragma once

/* accept: an Accept-Language header (RFC 9110, 12.5.4) or NULL. Returns "de" or "en": the one with
   the higher weight, the first of equals; fallback where it names neither. */
const char *language_choose(const char *accept, const char *fallback);
