# Fuzzing: "make fuzz" builds each harness with clang's libFuzzer and runs it for FUZZ_SECONDS. What
# breaks one lies in tests/fuzz afterwards. Nothing here is built by default.
FUZZ_CC = clang
FUZZ_SECONDS = 60
FUZZ_CFLAGS = -std=gnu17 -g -O1 -pthread -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=undefined
FUZZ_RUN = -max_total_time=$(FUZZ_SECONDS) -timeout=5 -print_final_stats=1 -artifact_prefix=tests/fuzz/

FUZZ_HARNESSES = wire conf typed
FUZZ_WIRE = tests/fuzz/fuzz_wire.c common/wire.c
FUZZ_CONF = tests/fuzz/fuzz_conf.c common/conf.c common/conf-value.c common/log.c
FUZZ_TYPED = tests/fuzz/fuzz_typed.c common/base32.c common/calendar.c common/code.c \
    common/ulid.c
FUZZ_SEEDS = tests/fuzz/seeds/wire/authenticate tests/fuzz/seeds/wire/claim \
    tests/fuzz/seeds/wire/letters tests/fuzz/seeds/wire/register \
    tests/fuzz/seeds/wire/unknown-tag tests/fuzz/seeds/wire/verdict \
    tests/fuzz/seeds/conf/byte-order-mark.conf tests/fuzz/seeds/conf/every-type.conf \
    tests/fuzz/seeds/conf/faults.conf \
    tests/fuzz/seeds/typed/birthdate tests/fuzz/seeds/typed/code \
    tests/fuzz/seeds/typed/generalized tests/fuzz/seeds/typed/liberties \
    tests/fuzz/seeds/typed/reference tests/fuzz/seeds/typed/token tests/fuzz/seeds/typed/ulid

EXTRA_DIST += tests/fuzz/fuzz_wire.c tests/fuzz/fuzz_conf.c tests/fuzz/fuzz_typed.c $(FUZZ_SEEDS)

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
