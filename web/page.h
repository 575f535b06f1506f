/* Pages: each is a function in a file of its own (page-NAME.c), named in the table of routes.c. It
   reads the request, asks portald, fills a view and renders a template, or redirects. It runs on a
   worker, so it may wait. */
#pragma once

#include "portald.h"
#include "request.h"
#include "response.h"
#include "step.h"
#include "view.h"

struct web;

typedef void page(struct web *web, struct request *request, struct response *response);

/* Renders config/web/NAME.html, which begins with {{> head}}, its title and {{> body}} and ends
   with
   {{> foot}}, with view and what every page has: token, language, other_language, path, name,
   support, imprint, logo, logged_in, mail, style, script and icon (their paths). Takes view over
   and frees it. */
void page_render(struct web *web, struct request *request, struct response *response,
                 unsigned status, const char *name, struct view *view);
/* A page that only says something: a heading, a text (newlines become paragraphs), and where to go
   next. heading and label are translated already; to NULL: no link. */
void page_message(struct web *web, struct request *request, struct response *response,
                  unsigned status, const char *heading, const char *text, const char *to,
                  const char *label);
/* The status that goes with a verdict on a page that says so: 200, 400, 403, 404, 410, 429, 503. */
unsigned page_status(enum wire_verdict verdict);
/* Portald can't be asked, or is busy: a page with 503 and Retry-After. */
void page_unavailable(struct web *web, struct request *request, struct response *response,
                      const struct answer *answer);
/* Where nobody is logged in: to /login, and back here afterwards. True when it has answered. */
bool page_needs_session(struct web *web, struct request *request, struct response *response);
/* What this step was, is over, or belongs to another tab: says so and leads to the beginning. */
void page_step_over(struct web *web, struct request *request, struct response *response,
                    const char *to);

page page_home;     /* / */
page page_register; /* /register */
page page_confirm;  /* /confirm/TOKEN */
page page_login;    /* /login */
page page_password; /* /password: the first one, after a recovery, or another one */
page page_check;    /* /password/check: for the meter, answers JSON */
page page_totp;     /* /totp */
page page_recover;  /* /recover */
page page_letter;   /* /recover/letter: a new letter */
page page_account;  /* /account */
page page_mail;     /* /account/mail */
page page_sessions; /* /account/sessions */
page page_not_me;   /* /not-me/REFERENCE */
page page_logout;   /* /logout */
page page_help;     /* /help, /help/totp */
page page_text;     /* /privacy, /terms */
page page_language; /* /language: the switch */
page page_auth;     /* /auth */
page page_callback; /* /auth/callback */
page page_continue; /* /auth/continue: from ours back to an application */
