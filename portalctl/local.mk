# portalctl: the operators' command. Thin: it knows the protocol and JSON, nothing of the rules.
bin_PROGRAMS += portalctl/portalctl

portalctl_portalctl_SOURCES = portalctl/main.c portalctl/command.h portalctl/arguments.c \
    portalctl/call.c portalctl/call.h portalctl/output.c portalctl/output.h portalctl/report.h \
    portalctl/status.c portalctl/account.c portalctl/wish.c portalctl/queue.c portalctl/queue.h portalctl/letters.c portalctl/batch.c portalctl/result.c portalctl/rekey.c \
    portalctl/explain.c portalctl/lint.c portalctl/bounce.c portalctl/dsn.c portalctl/dsn.h \
    portalctl/import.c portalctl/importing.c portalctl/importing.h portalctl/export.c \
    portalctl/caller.c portalctl/caller.h portalctl/customer.c portalctl/customer.h \
    portalctl/existing.c portalctl/existing.h portalctl/progress.c portalctl/progress.h \
    portalctl/seen.c portalctl/seen.h portalctl/sheet.c portalctl/sheet.h
if TEST_CLOCK
portalctl_portalctl_SOURCES += portalctl/clock.c
endif
portalctl_portalctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(GMIME_CFLAGS) \
    $(LDAP_CFLAGS) $(SODIUM_CFLAGS) -fPIE
portalctl_portalctl_LDFLAGS = $(AM_LDFLAGS) -pie
portalctl_portalctl_LDADD = common/libcommon.la $(JANSSON_LIBS) $(GMIME_LIBS) $(LDAP_LIBS) \
    $(CSV_LIBS) $(SODIUM_LIBS)
