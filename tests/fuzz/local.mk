# Fuzzing: "make fuzz" builds each harness with clang's libFuzzer and runs it for FUZZ_SECONDS. What
# breaks one lies in tests/fuzz afterwards. Nothing here is built by default.
FUZZ_CC = clang
FUZZ_SECONDS = 60
FUZZ_CFLAGS = -std=gnu17 -g -O1 -pthread -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=undefined
FUZZ_RUN = -max_total_time=$(FUZZ_SECONDS) -timeout=5 -print_final_stats=1 -artifact_prefix=tests/fuzz/

FUZZ_HARNESSES = wire client conf typed totp state entry pam dsn sheet request page cookie visitor told
FUZZ_WIRE = tests/fuzz/fuzz_wire.c common/wire.c
FUZZ_CONF = tests/fuzz/fuzz_conf.c common/conf.c common/conf-value.c common/log.c
FUZZ_TYPED = tests/fuzz/fuzz_typed.c common/base32.c common/calendar.c common/code.c \
    common/ulid.c
FUZZ_CLIENT = tests/fuzz/fuzz_client.c common/client.c common/wire.c
FUZZ_TOTP = tests/fuzz/fuzz_totp.c portald/totp.c portald/totp-qr.c common/base32.c common/keys.c \
    common/seal.c
FUZZ_STATE = tests/fuzz/fuzz_state.c portald/account-factor.c portald/account-login.c \
    portald/changes.c portald/account-mail.c portald/enrollment.c portald/entry.c portald/entry-values.c portald/grant.c portald/session.c portald/state.c \
    common/base32.c common/calendar.c common/postal.c common/seal.c common/ulid.c
FUZZ_ENTRY = tests/fuzz/fuzz_entry.c portald/account-factor.c portald/account-move.c portald/account.c portald/account-letter.c \
    portald/account-login.c portald/account-mail.c portald/account-recovery.c \
    portald/changes.c portald/entry.c portald/entry-values.c common/base32.c common/calendar.c common/postal.c \
    common/ulid.c
FUZZ_PAM = tests/fuzz/fuzz_pam.c $(pam_portal_pam_portal_la_SOURCES) common/wire.c
FUZZ_DSN = tests/fuzz/fuzz_dsn.c portalctl/dsn.c
FUZZ_SHEET = tests/fuzz/fuzz_sheet.c portalctl/sheet.c portalctl/customer.c common/calendar.c \
    common/policy.c common/postal.c
FUZZ_REQUEST = tests/fuzz/fuzz_request.c web/language.c web/client-address.c web/exchange.c \
    web/request.c web/response.c
FUZZ_PAGE = tests/fuzz/fuzz_page.c web/template.c web/template-compile.c web/template-escape.c \
    web/template-html.c web/template-phrase.c web/view.c web/buffer.c common/calendar.c common/file.c \
    common/log.c common/texts.c
FUZZ_COOKIE = tests/fuzz/fuzz_cookie.c web/auth.c web/browser-label.c web/cookie.c web/pack.c \
    web/hung.c web/portald.c web/request.c web/response.c web/session.c web/sessions.c web/settings.c web/step.c \
    common/client.c common/clock.c common/conf.c common/conf-value.c common/log.c common/loopback.c \
    common/mapped.c common/process.c common/seal.c common/texts.c common/wire.c
FUZZ_VISITOR = tests/fuzz/fuzz_visitor.c web/birthdate.c web/misspelt.c web/target.c common/calendar.c
FUZZ_TOLD = tests/fuzz/fuzz_told.c web/hung.c web/portald.c web/profile.c web/site.c web/view.c web/response.c \
    common/calendar.c common/clock.c common/log.c common/texts.c common/wire.c
FUZZ_SEEDS = tests/fuzz/seeds/client/announces-too-much tests/fuzz/seeds/client/code-needed \
    tests/fuzz/seeds/client/ended-early tests/fuzz/seeds/client/enrollment \
    tests/fuzz/seeds/client/two-frames tests/fuzz/seeds/client/verdict \
    tests/fuzz/seeds/conf/byte-order-mark.conf tests/fuzz/seeds/conf/every-type.conf \
    tests/fuzz/seeds/conf/faults.conf tests/fuzz/seeds/dsn/delayed \
    tests/fuzz/seeds/dsn/delivered tests/fuzz/seeds/dsn/exchange tests/fuzz/seeds/dsn/exim \
    tests/fuzz/seeds/dsn/gmail tests/fuzz/seeds/dsn/postfix tests/fuzz/seeds/dsn/vacation \
    tests/fuzz/seeds/entry/changed-address tests/fuzz/seeds/entry/code \
    tests/fuzz/seeds/entry/code-that-waits tests/fuzz/seeds/entry/customer \
    tests/fuzz/seeds/entry/failures tests/fuzz/seeds/entry/links-and-letters \
    tests/fuzz/seeds/entry/malformed tests/fuzz/seeds/entry/second-factor \
    tests/fuzz/seeds/entry/secrets tests/fuzz/seeds/page/attributes \
    tests/fuzz/seeds/page/page tests/fuzz/seeds/page/texts tests/fuzz/seeds/page/urls \
    tests/fuzz/seeds/pam/account-alone \
    tests/fuzz/seeds/pam/change-with-code tests/fuzz/seeds/pam/code-left-empty \
    tests/fuzz/seeds/pam/code-not-asked-for tests/fuzz/seeds/pam/combined \
    tests/fuzz/seeds/pam/enroll tests/fuzz/seeds/pam/enroll-left-empty \
    tests/fuzz/seeds/pam/forced-change tests/fuzz/seeds/pam/login \
    tests/fuzz/seeds/pam/offer-declined tests/fuzz/seeds/pam/recover \
    tests/fuzz/seeds/pam/recover-change tests/fuzz/seeds/pam/recover-state-and-account \
    tests/fuzz/seeds/pam/recover-with-code tests/fuzz/seeds/pam/second-factor \
    tests/fuzz/seeds/pam/together tests/fuzz/seeds/pam/together-alike \
    tests/fuzz/seeds/pam/wrong-then-right tests/fuzz/seeds/sheet/byte-order-mark \
    tests/fuzz/seeds/request/login tests/fuzz/seeds/request/odd \
    tests/fuzz/seeds/sheet/export tests/fuzz/seeds/sheet/faults \
    tests/fuzz/seeds/sheet/german-excel tests/fuzz/seeds/state/enrollment \
    tests/fuzz/seeds/state/enrollment-of-too-much tests/fuzz/seeds/state/grant \
    tests/fuzz/seeds/state/grant-of-kind tests/fuzz/seeds/state/session tests/fuzz/seeds/state/short \
    tests/fuzz/seeds/state/state tests/fuzz/seeds/totp/code \
    tests/fuzz/seeds/totp/code-with-blanks tests/fuzz/seeds/totp/full-width \
    tests/fuzz/seeds/totp/letters tests/fuzz/seeds/totp/long-names tests/fuzz/seeds/totp/names \
    tests/fuzz/seeds/totp/sealed tests/fuzz/seeds/typed/birthdate tests/fuzz/seeds/typed/code \
    tests/fuzz/seeds/typed/generalized tests/fuzz/seeds/typed/liberties \
    tests/fuzz/seeds/typed/reference tests/fuzz/seeds/typed/token tests/fuzz/seeds/typed/ulid \
    tests/fuzz/seeds/wire/authenticate tests/fuzz/seeds/wire/claim tests/fuzz/seeds/wire/letters \
    tests/fuzz/seeds/wire/letter-wanted tests/fuzz/seeds/wire/register \
    tests/fuzz/seeds/wire/unknown-tag \
    tests/fuzz/seeds/wire/verdict \
    tests/fuzz/seeds/cookie/app tests/fuzz/seeds/cookie/session tests/fuzz/seeds/cookie/step tests/fuzz/seeds/cookie/step-of-no-time \
    tests/fuzz/seeds/cookie/text tests/fuzz/seeds/cookie/totp tests/fuzz/seeds/told/odd \
    tests/fuzz/seeds/told/profile tests/fuzz/seeds/told/site tests/fuzz/seeds/visitor/good \
    tests/fuzz/seeds/visitor/hosts tests/fuzz/seeds/visitor/refused

EXTRA_DIST += $(FUZZ_HARNESSES:%=tests/fuzz/fuzz_%.c) tests/fuzz/test_fuzz.py $(FUZZ_SEEDS)

tests/fuzz/fuzz_wire: $(FUZZ_WIRE)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) -o $@ $^

tests/fuzz/fuzz_conf: $(FUZZ_CONF)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(INIH_CFLAGS) \
	    $(SYSTEMD_CFLAGS) -o $@ $^ $(INIH_LIBS) $(SYSTEMD_LIBS)

tests/fuzz/fuzz_typed: $(FUZZ_TYPED)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(SODIUM_CFLAGS) \
	    -o $@ $^ $(SODIUM_LIBS)

tests/fuzz/fuzz_client: $(FUZZ_CLIENT)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) -o $@ $^

tests/fuzz/fuzz_totp: $(FUZZ_TOTP)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(SODIUM_CFLAGS) \
	    $(OATH_CFLAGS) $(QRENCODE_CFLAGS) -o $@ $^ $(SODIUM_LIBS) $(OATH_LIBS) $(QRENCODE_LIBS)

tests/fuzz/fuzz_state: $(FUZZ_STATE)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(SODIUM_CFLAGS) \
	    -o $@ $^ $(SODIUM_LIBS)

tests/fuzz/fuzz_entry: $(FUZZ_ENTRY)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(SODIUM_CFLAGS) \
	    -o $@ $^ $(SODIUM_LIBS)

tests/fuzz/fuzz_pam: $(FUZZ_PAM)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) -I$(srcdir)/pam_portal \
	    -o $@ $(filter %.c,$^)

tests/fuzz/fuzz_dsn: $(FUZZ_DSN)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(GMIME_CFLAGS) -o $@ $^ \
	    $(GMIME_LIBS)

tests/fuzz/fuzz_sheet: $(FUZZ_SHEET)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(GMIME_CFLAGS) -o $@ $^ \
	    $(GMIME_LIBS) $(CSV_LIBS)

tests/fuzz/fuzz_request: $(FUZZ_REQUEST)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(GLIB_CFLAGS) \
	    $(MICROHTTPD_CFLAGS) -o $@ $^ $(GLIB_LIBS) $(MICROHTTPD_LIBS)

tests/fuzz/fuzz_page: $(FUZZ_PAGE)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) $(SYSTEMD_CFLAGS) -o $@ $^ \
	    $(SYSTEMD_LIBS)

tests/fuzz/fuzz_cookie: $(FUZZ_COOKIE)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) -DWEB_STATE_DIR='"/nonexistent"' $(FUZZ_CFLAGS) \
	    -Wl,--wrap=MHD_get_connection_values $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) $(INIH_CFLAGS) \
	    $(MICROHTTPD_CFLAGS) -o $@ $^ $(SODIUM_LIBS) $(SYSTEMD_LIBS) $(INIH_LIBS)

tests/fuzz/fuzz_visitor: $(FUZZ_VISITOR)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) -o $@ $^

tests/fuzz/fuzz_told: $(FUZZ_TOLD)
	@$(MKDIR_P) tests/fuzz
	$(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(FUZZ_CFLAGS) -Wl,--wrap=client_call \
	    $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) -o $@ $^ $(SODIUM_LIBS) $(SYSTEMD_LIBS) \
	    $(JANSSON_LIBS)

# New inputs go to the first directory, never to the seeds.
fuzz: $(FUZZ_HARNESSES:%=tests/fuzz/fuzz_%)
	for name in $(FUZZ_HARNESSES); do \
	    $(MKDIR_P) tests/fuzz/found/$$name && \
	    tests/fuzz/fuzz_$$name $(FUZZ_RUN) tests/fuzz/found/$$name $(srcdir)/tests/fuzz/seeds/$$name \
	        || exit 1; \
	done

clean-local: clean-fuzz
clean-fuzz:
	rm -rf $(FUZZ_HARNESSES:%=tests/fuzz/fuzz_%) tests/fuzz/found

.PHONY: fuzz clean-fuzz
