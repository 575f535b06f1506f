/* QR codes as pictures in pages. */
#pragma once

/* text (an otpauth:// URI) as an SVG for view_markup(): dark on white with its quiet zone, named by
   title for those who can't see it. *ret is malloc'ed and holds what text held: wipe it. Returns 0;
   -E2BIG: doesn't fit into a code; -ENOMEM. */
int qr_svg(const char *text, const char *title, char **ret);
