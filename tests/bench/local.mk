# Measures: "make bench" builds and runs them all. They are no tests: a time on a shared machine decides nothing.
EXTRA_PROGRAMS = tests/bench/bench_login tests/bench/bench_floor
EXTRA_DIST += tests/bench/login tests/bench/answers
CLEANFILES += $(EXTRA_PROGRAMS)

tests_bench_bench_login_SOURCES = tests/bench/bench_login.c tests/bench/clients.c tests/bench/clients.h
tests_bench_bench_login_CFLAGS = $(AM_CFLAGS) $(OATH_CFLAGS)
tests_bench_bench_login_LDADD = -lpam $(OATH_LIBS)

tests_bench_bench_floor_SOURCES = tests/bench/bench_floor.c tests/bench/clients.c tests/bench/clients.h
tests_bench_bench_floor_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS)
tests_bench_bench_floor_LDADD = $(LDAP_LIBS) -lpam

bench: all $(EXTRA_PROGRAMS)
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/login
	PORTAL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/bench/answers
.PHONY: bench
