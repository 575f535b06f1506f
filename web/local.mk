# portal-web: the pages of customers. libweb holds everything but main(), so that unit tests link what they test.
noinst_LTLIBRARIES += web/libweb.la

web_libweb_la_SOURCES = \
    web/assets.c web/assets.h web/buffer.c web/buffer.h web/colour.c web/colour.h web/qr.c web/qr.h \
    web/template.c web/template.h web/template-private.h web/template-compile.c web/template-escape.c web/template-escape.h \
    web/template-html.c web/template-html.h web/template-phrase.c web/view.c web/view.h web/view-private.h \
    web/client-address.c web/client-address.h \
    web/dispatch.c web/dispatch.h web/exchange.c web/exchange.h \
    web/limits.c web/limits.h web/language.c web/language.h web/listen.c web/listen.h \
    web/page.c web/page.h \
    web/portald.c web/portald.h \
    web/request.c web/request.h \
    web/response.c web/response.h \
    web/routes.c web/routes.h \
    web/server.c web/server.h \
    web/settings.c web/settings.h \
    web/slow.c web/slow.h \
    web/web.c web/web.h \
    web/workers.c web/workers.h
web_libweb_la_CPPFLAGS = $(AM_CPPFLAGS) -DWEB_STATE_DIR='"$(localstatedir)/lib/portal-web"'
web_libweb_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(QRENCODE_CFLAGS) $(GLIB_CFLAGS) $(MICROHTTPD_CFLAGS)
web_libweb_la_LIBADD = common/libcommon.la $(SODIUM_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(QRENCODE_LIBS) $(GLIB_LIBS) $(MICROHTTPD_LIBS) -lm
