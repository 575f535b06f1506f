# portald. libportald holds everything but main(), so that unit tests and benches link what they test.
sbin_PROGRAMS += portald/portald
noinst_LTLIBRARIES += portald/libportald.la

portald_libportald_la_SOURCES = \
    portald/account.c portald/account-factor.c portald/account-forget.c portald/account-letter.c portald/account-letter.h \
    portald/account-login.c portald/account-password.c portald/account-recovery.c portald/account-renewal.c portald/account-request.c portald/account-wish.c portald/account.h \
    portald/account-mail.c portald/account-move.c portald/address.c portald/address.h \
    portald/auth.c portald/backlog.c portald/backlog.h portald/change.c \
    portald/changes.c portald/entry.c portald/entry.h \
    portald/entry-values.c portald/entry-values.h \
    portald/bounce.c portald/bounce-report.c portald/bounce.h \
    portald/clerk.c portald/clerk.h \
    portald/compose.c portald/compose.h portald/derive.c portald/derive.h \
    portald/confirm.c \
    portald/connection.c portald/connection.h \
    portald/control.c portald/control-account.c portald/control-letters.c portald/control-queue.c portald/control-rekey.c portald/control-show.c portald/control-paper.c portald/control-result.c portald/control.h \
    portald/courier.c portald/courier.h portald/mailing.c portald/mailing.h portald/note.c portald/note.h \
    portald/directory.c portald/directory-connect.c portald/directory-modify.c portald/directory-names.c portald/directory-page.c \
    portald/directory-health.c portald/directory-search.c portald/directory-servers.c portald/directory-servers.h \
    portald/directory-writer.c portald/directory-servers-private.h portald/directory-socket.c portald/directory-socket.h \
    portald/directory-private.h portald/directory.h \
    portald/edits.c portald/edits.h \
    portald/enroll.c portald/enrollment.c portald/enrollment.h \
    portald/explain.h portald/explain-reasons.c portald/account-explain.c portald/control-explain.c \
    portald/lint.h portald/lint-entry.c portald/lint.c portald/control-lint.c \
    portald/fold.c portald/fold.h \
    portald/grant.c portald/grant.h portald/guess.c portald/guess.h \
    portald/handlers.c portald/handlers.h portald/holder.c portald/holder.h \
    portald/job.c \
    portald/link-again.c portald/link-again.h portald/move.c portald/move.h portald/moved.c portald/moved.h portald/new-mail.c \
    portald/known.c portald/known.h portald/login.c portald/login.h \
    portald/letter.c portald/letter.h portald/letters.c portald/letters.h \
    portald/mail-job.c portald/mail-job.h \
    portald/manager.c portald/manager.h \
    portald/matching.c portald/matching.h \
    portald/not-me.c \
    portald/notice.c portald/notice.h \
    portald/order.c portald/order.h \
    portald/outcome.c portald/outcome.h \
    portald/profile.c \
    portald/password.c portald/password.h portald/pattern.c portald/pattern.h portald/puk.c portald/puk.h \
    portald/quality.c portald/quality.h \
    portald/queue.c portald/queue.h portald/queue-backend.h \
    portald/queue-sqlite.c portald/queue-sqlite-change.c portald/queue-sqlite-claim.c \
    portald/queue-sqlite-bounce.c portald/queue-sqlite-forget.c portald/queue-sqlite-letter.c portald/queue-sqlite-read.c portald/queue-sqlite-sql.c portald/queue-sqlite.h \
    portald/readdress.c portald/readdress.h portald/recover.c portald/recovery.c portald/recovery.h \
    portald/register.c portald/registration.c portald/registration.h \
    portald/rekey.c portald/rekey.h \
    portald/reminder.c portald/reminder.h portald/renewal.c portald/renewal.h \
    portald/second.c portald/second.h portald/secret.c portald/secret.h \
    portald/server.c portald/server.h portald/session.c portald/session.h \
    portald/settings.c portald/settings.h \
    portald/site.c portald/site.h portald/sockets.c portald/sockets.h portald/stand-in.c portald/stand-in.h portald/state.c portald/state.h \
    portald/swap.c portald/swap.h \
    portald/template.c portald/template.h \
    portald/together.c portald/together.h \
    portald/totp.c portald/totp-qr.c portald/totp.h \
    portald/verdicts.c portald/verdicts.h portald/visit.c portald/visit.h \
    portald/watch.c portald/watch.h portald/watcher.c portald/watcher.h portald/wish.c portald/wish-limit.c portald/wish-stage.c portald/wish.h \
    portald/words.c portald/words.h
portald_libportald_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) $(LDAP_CFLAGS) $(SQLITE_CFLAGS) \
    $(JANSSON_CFLAGS) $(GMIME_CFLAGS) $(GLIB_CFLAGS) $(IDN2_CFLAGS) $(OATH_CFLAGS) $(PWQUALITY_CFLAGS) $(QRENCODE_CFLAGS)
portald_libportald_la_LIBADD = common/libcommon.la $(SODIUM_LIBS) $(SYSTEMD_LIBS) $(LDAP_LIBS) $(SQLITE_LIBS) \
    $(JANSSON_LIBS) $(GMIME_LIBS) $(GLIB_LIBS) $(IDN2_LIBS) $(OATH_LIBS) $(PWQUALITY_LIBS) $(QRENCODE_LIBS)

portald_portald_SOURCES = portald/main.c
portald_portald_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) $(LDAP_CFLAGS) $(GLIB_CFLAGS) $(JANSSON_CFLAGS) -fPIE
portald_portald_LDFLAGS = $(AM_LDFLAGS) -pie
portald_portald_LDADD = portald/libportald.la
