# portal-web: the pages of customers. libweb holds everything but main(), so that unit tests link what they test.
sbin_PROGRAMS += web/portal-web
noinst_LTLIBRARIES += web/libweb.la

web_libweb_la_SOURCES = \
    web/again.c web/again.h web/assets.c web/assets.h web/auth.c web/auth.h web/birthdate.c web/birthdate.h \
    web/browser-label.c web/browser-label.h web/buffer.c web/buffer.h web/client-address.c web/client-address.h web/codes.c web/codes.h web/colour.c web/colour.h \
    web/cookie.c web/cookie.h web/details.c web/details.h web/dispatch.c web/dispatch.h \
    web/exchange.c web/exchange.h web/hung.c web/hung.h web/language.c web/language.h web/limits.c web/limits.h \
    web/listen.c web/listen.h web/login.c web/login.h web/misspelt.c web/misspelt.h \
    web/pack.c web/pack.h web/page-account.c web/page-auth.c web/page-callback.c web/page-check.c web/page-confirm.c web/page-continue.c web/page-help.c \
    web/page-home.c web/page-language.c web/page-letter.c web/page-login.c web/page-logout.c \
    web/page-mail.c web/page-not-me.c web/page-password.c web/page-recover.c web/page-register.c \
    web/page-sessions.c web/page-text.c web/page-totp.c web/page.c web/page.h \
    web/portald.c web/portald.h web/profile.c web/profile.h web/qr.c web/qr.h \
    web/request.c web/request.h web/response.c web/response.h web/routes.c web/routes.h \
    web/second.c web/second.h web/server.c web/server.h web/session.c web/session.h \
    web/sessions.c web/sessions.h web/settings.c web/settings.h web/site.c web/site.h \
    web/slow.c web/slow.h web/step.c web/step.h web/target.c web/target.h web/template-compile.c \
    web/template-escape.c web/template-escape.h web/template-html.c web/template-html.h \
    web/template-phrase.c web/template-private.h web/template.c web/template.h \
    web/token.c web/token.h web/view-private.h web/view.c web/view.h web/visitor.c web/visitor.h \
    web/web.c web/web.h web/workers.c web/workers.h
web_libweb_la_CPPFLAGS = $(AM_CPPFLAGS) -DWEB_STATE_DIR='"$(localstatedir)/lib/portal-web"'
web_libweb_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(QRENCODE_CFLAGS) $(GLIB_CFLAGS) $(MICROHTTPD_CFLAGS)
web_libweb_la_LIBADD = common/libcommon.la $(SODIUM_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(QRENCODE_LIBS) $(GLIB_LIBS) $(MICROHTTPD_LIBS) -lm

web_portal_web_SOURCES = web/main.c
web_portal_web_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) -fPIE
web_portal_web_LDFLAGS = $(AM_LDFLAGS) -pie
web_portal_web_LDADD = web/libweb.la
