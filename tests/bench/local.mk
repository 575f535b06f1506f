# Measures: "make bench" builds and runs them all. They are no tests: a time on a shared machine decides nothing.
EXTRA_PROGRAMS = tests/bench/bench_login tests/bench/bench_floor tests/bench/bench_mail \
    tests/bench/bench_letters tests/bench/bench_page tests/bench/bench_queue
EXTRA_DIST += tests/bench/login tests/bench/answers tests/bench/mail tests/bench/letters tests/bench/queue \
    tests/bench/scale tests/bench/wishes tests/bench/measuring.py tests/bench/customers.py \
    tests/bench/web tests/bench/web.lua
CLEANFILES += $(EXTRA_PROGRAMS)

tests_bench_bench_login_SOURCES = tests/bench/bench_login.c tests/bench/clients.c tests/bench/clients.h
tests_bench_bench_login_CFLAGS = $(AM_CFLAGS) $(OATH_CFLAGS)
tests_bench_bench_login_LDADD = -lpam $(OATH_LIBS)

tests_bench_bench_floor_SOURCES = tests/bench/bench_floor.c tests/bench/clients.c tests/bench/clients.h
tests_bench_bench_floor_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS)
tests_bench_bench_floor_LDADD = $(LDAP_LIBS) -lpam

# The tests kill its mailers, too.
noinst_PROGRAMS += tests/bench/bench_mail
tests_bench_bench_mail_SOURCES = tests/bench/bench_mail.c
tests_bench_bench_mail_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
tests_bench_bench_mail_LDADD = portald/libportald.la

tests_bench_bench_letters_SOURCES = tests/bench/bench_letters.c
tests_bench_bench_letters_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(JANSSON_CFLAGS)
tests_bench_bench_letters_LDADD = print/libprint.la

tests_bench_bench_page_SOURCES = tests/bench/bench_page.c
tests_bench_bench_page_CFLAGS = $(AM_CFLAGS) $(PANGO_CFLAGS)
tests_bench_bench_page_LDADD = $(PANGO_LIBS)

tests_bench_bench_queue_SOURCES = tests/bench/bench_queue.c
tests_bench_bench_queue_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
tests_bench_bench_queue_LDADD = portald/libportald.la $(SQLITE_LIBS)

bench: all $(EXTRA_PROGRAMS)
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/login
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/answers
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/mail
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/letters
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/queue
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/scale
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/web
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/wishes
.PHONY: bench
