# subota: one Makefile, not recursive. `make help` lists the targets; `make V=1 ...` shows the commands;
# VARIANT=asan builds with address and undefined-behaviour sanitizers, VARIANT=fuzz with clang's libFuzzer on top,
# VARIANT=release for the target. Each variant has its own build/VARIANT.
# Every .c in a program's directory belongs to that program; its main.c is the only file the tests leave out.

.DEFAULT_GOAL := help
VARIANT ?= debug
B := build/$(VARIANT)
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,echo "  $(1)")
VERSION := 0.1.0
PREFIX ?= /usr
CC ?= gcc
AR ?= ar
CLANG ?= clang
FUZZ_SECONDS ?= 60
TEST_JOBS ?= $(shell nproc)

PKGS := libzmq libprotobuf-c libsodium sqlite3 libcrypto libcjson
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wformat=2 -Wimplicit-fallthrough -Wundef
HARDEN := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
FLAGS_debug := -O1 -g
FLAGS_release := -O2 -g
FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_fuzz := -fsanitize=address,undefined
ifneq ($(filter asan fuzz,$(VARIANT)),)
HARDEN := -fPIE
endif
ifeq ($(VARIANT),fuzz)
override CC := $(CLANG)
WARN += -Wno-error # gcc is the judge
endif

INCLUDES := -Icommon -Icloudd -Icloudd/dialer -Ifetchd -Ifetchd/courier -Icommon/nursery -Iflashd -Iflashd/session -Iflashd/drivers -Iflashd/links -Iflashd/exec
CPPFLAGS := -D_GNU_SOURCE -DSUBOTA_VERSION='"$(VERSION)"' -include common/banned.h $(INCLUDES) -isystem $(B)/gen
CFLAGS = -std=gnu11 $(FLAGS_$(VARIANT)) $(WARN) $(HARDEN) $(EXTRA_CFLAGS)
DEPFLAGS := -MMD -MP
LDFLAGS = $(LDHARDEN) $(LDFLAGS_$(VARIANT))
PKG_LIBS = $(shell pkg-config --libs $(PKGS))

# --- what belongs to what -------------------------------------------------------------------------------------
PROTOS := $(wildcard proto/*.proto)
GEN_SRC := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
GEN_HDR := $(GEN_SRC:.c=.h)

part = $(filter-out %/main.c,$(wildcard $(1:%=%/*.c)))
objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

common_SRC   := $(wildcard common/*.c)
ctl_SRC      := $(call part,common/ctl)
cloudd_SRC   := $(call part,cloudd)
dialer_SRC   := $(call part,cloudd/dialer)
fetchd_SRC   := $(call part,fetchd)
courier_SRC  := $(call part,fetchd/courier)
nursery_SRC  := $(call part,common/nursery)
flashd_SRC   := $(call part,flashd flashd/links)
exec_SRC     := $(call part,flashd/exec)
session_SRC  := $(call part,flashd/session flashd/drivers)
devcenter_SRC := $(call part,tests/devcenter)
subdevices_SRC := $(call part,tests/subdevices)
testlib_SRC  := $(wildcard tests/lib/*.c)
demo_SRC     := $(call part,tests/demo)
runner_SRC   := $(call part,tests/runner)
PARTS := common ctl cloudd dialer fetchd courier nursery flashd session exec devcenter subdevices testlib demo runner
LIB = $(B)/lib$(1).a

# program: main.c, libraries of ours (in link order), packages beyond PKGS
PROGRAMS := $(foreach p,\
	subota-cloudd:cloudd subota-dialer:cloudd/dialer subota-fetchd:fetchd subota-courier:fetchd/courier subota-nursery:common/nursery \
	subota-flashd:flashd \
	subota-session:flashd/session subota-exec:flashd/exec subotactl:common/ctl subota-devcenter:tests/devcenter \
	subota-subdevice:tests/subdevices subota-demo:tests/demo subota-tests:tests/runner,\
	$(if $(wildcard $(lastword $(subst :, ,$(p)))/main.c),$(p)))
LIBS_subota-cloudd := cloudd dialer common
LIBS_subota-dialer := dialer common
LIBS_subota-fetchd := fetchd common
LIBS_subota-courier := courier common
LIBS_subota-nursery := nursery common
LIBS_subota-flashd := flashd exec common
LIBS_subota-session := session exec common
LIBS_subota-exec := exec common
LIBS_subotactl := ctl cloudd dialer session common
LIBS_subota-devcenter := devcenter common
LIBS_subota-subdevice := subdevices
LIBS_subota-demo := demo testlib common
LIBS_subota-tests := runner
FIRST_subota-fetchd := -l:libcrypto.a # a few functions of it: fetchd/digest.c
EXTRA_subota-cloudd := -lwolfssl
EXTRA_subota-courier := -lcurl
EXTRA_subotactl := -lwolfssl
EXTRA_subota-devcenter := -lmicrohttpd -lgnutls -lssl -lcrypto
EXTRA_subota-subdevice := -lutil

DAEMONS := subota-cloudd subota-fetchd subota-flashd
HELPERS := subota-dialer subota-courier subota-nursery subota-session subota-exec
BINS := $(foreach p,$(PROGRAMS),$(B)/bin/$(firstword $(subst :, ,$(p))))
TEST_LIBS := $(filter-out common,$(PARTS)) common
TEST_PKGS := -lcriterion -lwolfssl -lcurl -lcbor -lmicrohttpd -lssl -lcrypto -lutil -lpthread
TEST_INCLUDES := -Itests/lib -Itests/devcenter -Itests/runner
TEST_ARCHIVES := $(foreach l,$(TEST_LIBS),$(B)/lib$(l).a)
LINK_ARCHIVES = -Wl,--start-group $(TEST_ARCHIVES) -Wl,--end-group $(PKG_LIBS) $(TEST_PKGS)
TIERS := unit integration system
# red is a test program that must fail; the runner is tested with it
TEST_BINS := $(foreach t,$(TIERS) red,$(if $(wildcard tests/$(t)/*.c),$(B)/tests/$(t)))
FUZZ_NAMES := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
SCRIPTS := .ci/run deploy/setup $(wildcard tests/checks/*)

.PHONY: help all deps demo test asan fuzz lint facts bench clean install programs tests fuzzers unit integration \
	system lint-tidy FORCE
.SECONDARY:

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 21

all: programs ## build every program (into build/bin)
	$(Q)ln -sfn $(VARIANT)/bin build/bin

programs: $(BINS)
tests: $(BINS) $(TEST_BINS)

deps: ## install the Debian packages of deploy/deps.txt that are missing (those only for tests with them)
	$(Q)deploy/setup deps $(if $(filter-out help all demo programs install clean deps,$(MAKECMDGOALS)),all)

include $(wildcard deploy/make/*.mk)

# --- rules: everything built waits for deps; the .what files change with the flags or the list of sources -------
flags = $(subst ',,$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS))
$(B)/flags.what: FORCE | deps
	@mkdir -p $(@D)
	@echo '$(flags)' | cmp -s - $@ || echo '$(flags)' >$@

$(B)/%.what: FORCE
	@mkdir -p $(@D)
	@echo '$($*_SRC)' | cmp -s - $@ || echo '$($*_SRC)' >$@

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h &: proto/%.proto | deps
	@mkdir -p $(B)/gen
	$(Q)protoc-c -I proto -I /usr/include --c_out=$(B)/gen $<
	$(Q)sed -i '/google.protobuf.descriptor.pb-c.h/d' $(B)/gen/$*.pb-c.h # of options, which C does not see

$(B)/gen/%.o: $(B)/gen/%.c $(B)/flags.what | $(GEN_HDR)
	$(Q)$(CC) -std=gnu11 $(FLAGS_$(VARIANT)) $(HARDEN) -I$(B)/gen -c $< -o $@

$(B)/obj/%.o: %.c $(B)/flags.what $(GEN_HDR)
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) $(if $(findstring tests/,$<),$(TEST_INCLUDES)) -c $< -o $@

define library
$(B)/lib$(1).a: $(call objs,$($(1)_SRC)) $(if $(filter common,$(1)),$(GEN_SRC:.c=.o)) $(B)/$(1).what
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach p,$(PARTS),$(eval $(call library,$(p))))

define program
$(B)/bin/$(1): $(B)/obj/$(2)/main.o $(foreach l,$(LIBS_$(1)),$(B)/lib$(l).a)
	@mkdir -p $$(@D)
	$$(call say,LD   $$@)
	$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $(FIRST_$(1)) $$(PKG_LIBS) $(EXTRA_$(1)) -lpthread
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(firstword $(subst :, ,$(p))),$(lastword $(subst :, ,$(p))))))

# The test function's call is wrapped: tests/lib/every_test.c looks for leaks after each test.
define tier
$(1)_SRC := $(wildcard tests/$(1)/*.c)
$(B)/tests/$(1): $(call objs,$(wildcard tests/$(1)/*.c) tests/lib/every_test.c) $(TEST_ARCHIVES) $(B)/$(1).what
	@mkdir -p $$(@D)
	$$(call say,LD   $$@)
	$(Q)$$(CC) $$(LDFLAGS) -Wl,--wrap=criterion_internal_test_main -o $$@ $$(filter %.o,$$^) $$(LINK_ARCHIVES)
endef
$(foreach t,$(TIERS) red,$(eval $(call tier,$(t))))

$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LINK_ARCHIVES)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# --- running ----------------------------------------------------------------------------------------------------
# Items of the runner: suite:PROGRAM, fuzz:PROGRAM:CORPUS, check:NAME:COMMAND. It ends with "N passed, N failed".
RUN = $(B)/bin/subota-tests -j $(TEST_JOBS) -o $(B)/log
ITEMS_suites = $(foreach t,$(TIERS),$(if $(wildcard tests/$(t)/*.c),suite:$(B)/tests/$(t)))
ITEMS_fuzz = $(foreach f,$(FUZZ_NAMES),fuzz:build/fuzz/fuzz/$(f):tests/fuzz/corpus/$(f))
# (a sanitizer adds symbols of its own: the budgets are checked on the objects of the other variants)
ITEMS_checks = "check:banned:tests/checks/banned $(CC)" \
	$(if $(filter debug release,$(VARIANT)),"check:facts:tests/checks/facts $(B)/obj")

test: tests ## build and run every tier with its short share, the budgets and the fuzz targets on their seeds
	+$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	$(Q)$(RUN) $(ITEMS_checks) $(ITEMS_suites) $(ITEMS_fuzz)

asan: ## every tier with address, leak and undefined-behaviour sanitizers
	+$(Q)$(MAKE) --no-print-directory VARIANT=asan test

unit integration system: tests ## run one tier only
	$(Q)$(RUN) suite:$(B)/tests/$@

fuzzers: $(FUZZ_NAMES:%=$(B)/fuzz/%)

fuzz: $(B)/bin/subota-tests ## fuzz each parser for FUZZ_SECONDS=60 from its seeds; finds go to build/fuzz/found
	+$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	$(Q)$(RUN) -f $(FUZZ_SECONDS) $(ITEMS_fuzz)

facts: tests ## the budgets of this code base: a table, non-zero when over
	$(Q)tests/checks/facts $(B)/obj

# clang-tidy remembers per file; TIDY_ONLY=flashd narrows it.
TIDY_SRC := $(sort $(wildcard */*.c */*/*.c))
TIDY_OK := $(patsubst %.c,$(B)/lint/%.ok,$(filter $(TIDY_ONLY)%,$(filter-out build/%,$(TIDY_SRC))))
$(B)/lint/%.ok: %.c .clang-tidy tests/.clang-tidy $(wildcard */*.h */*/*.h) | $(GEN_HDR)
	@mkdir -p $(@D)
	$(call say,TIDY $<)
	$(Q)clang-tidy --quiet $< -- -std=gnu11 $(CPPFLAGS) $(TEST_INCLUDES) $(TIDY_CFLAGS) >$@.log 2>&1 || { cat $@.log; false; }
	@touch $@

lint: ## clang-tidy and cppcheck
	$(Q)$(MAKE) --no-print-directory -k -j$(TEST_JOBS) lint-tidy
	$(Q)cppcheck -j$(TEST_JOBS) --quiet --enable=warning,performance,portability --inline-suppr --std=c11 \
		--suppressions-list=deploy/cppcheck.txt --error-exitcode=1 --cppcheck-build-dir=$(B)/lint/cppcheck \
		$(INCLUDES) common cloudd fetchd flashd
lint-tidy: $(TIDY_OK)

demo: all ## the main job on the local Developer Center; DEVICE=xmodem... for another device, FAULT=... for a bad day, KEEP=1
	$(Q)build/bin/subota-demo $(if $(DEVICE),--device=$(DEVICE)) $(if $(FAULT),--fault=$(FAULT)) $(if $(KEEP),--keep)

install: programs ## into DESTDIR and PREFIX=/usr; /etc stays as it is
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin sbin lib/subota)
	install $(B)/bin/subotactl $(DESTDIR)$(PREFIX)/bin
	install $(DAEMONS:%=$(B)/bin/%) $(DESTDIR)$(PREFIX)/sbin
	install $(HELPERS:%=$(B)/bin/%) $(DESTDIR)$(PREFIX)/lib/subota
	$(foreach f,$(wildcard deploy/man/*.[1-8]),install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $f)) $f;)
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/subota deploy/subota.conf README.md LICENSE

clean: ## remove everything that was built
	rm -rf build
