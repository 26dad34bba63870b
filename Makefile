# subota: one Makefile, not recursive. `make help` lists the targets; `make V=1 ...` shows the commands;
# `make VARIANT=asan ...` builds with address and undefined-behaviour sanitizers, VARIANT=release for the target.
# Every .c in a program's directory belongs to that program; its main.c is the only file the tests leave out.

.DEFAULT_GOAL := help
VARIANT ?= debug
B := build/$(VARIANT)
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
VERSION := 0.1.0
PREFIX ?= /usr
CC ?= gcc
AR ?= ar
CLANG ?= clang

PKGS := libzmq libprotobuf-c libsodium sqlite3 libcrypto libsystemd libcjson
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wformat=2 -Wimplicit-fallthrough -Wundef
HARDEN := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
FLAGS_debug := -O1 -g
FLAGS_release := -O2 -g -DNDEBUG=0
FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_asan := -fsanitize=address,undefined
ifneq ($(filter asan fuzz,$(VARIANT)),)
HARDEN := -fPIE
endif
ifeq ($(VARIANT),fuzz)
CC := $(CLANG)
LDFLAGS_fuzz := -fsanitize=address,undefined
endif

INCLUDES := -Icommon -Icloudd -Ifetchd -Ifetchd/courier -Iflashd -Iflashd/session -Iflashd/drivers -Iflashd/links
CPPFLAGS := -D_GNU_SOURCE -DSUBOTA_VERSION='"$(VERSION)"' -include common/banned.h $(INCLUDES) -isystem $(B)/gen
CFLAGS = -std=gnu11 $(FLAGS_$(VARIANT)) $(WARN) $(HARDEN) $(EXTRA_CFLAGS) -MMD -MP
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
fetchd_SRC   := $(call part,fetchd)
courier_SRC  := $(call part,fetchd/courier)
flashd_SRC   := $(call part,flashd flashd/links)
session_SRC  := $(call part,flashd/session flashd/drivers)
devcenter_SRC := $(call part,tests/devcenter)
subdevices_SRC := $(call part,tests/subdevices)
testlib_SRC  := $(wildcard tests/lib/*.c)
demo_SRC     := $(call part,tests/demo)
PARTS := common ctl cloudd fetchd courier flashd session devcenter subdevices testlib demo
LIB = $(B)/lib$(1).a

# program: main.c, libraries of ours (in link order), packages beyond PKGS
PROGRAMS := $(foreach p,\
	subota-cloudd:cloudd subota-fetchd:fetchd subota-courier:fetchd/courier subota-nursery:fetchd/nursery \
	subota-flashd:flashd \
	subota-session:flashd/session subotactl:common/ctl subota-devcenter:tests/devcenter \
	subota-subdevice:tests/subdevices subota-demo:tests/demo,\
	$(if $(wildcard $(lastword $(subst :, ,$(p)))/main.c),$(p)))
LIBS_subota-cloudd := cloudd common
LIBS_subota-fetchd := fetchd common
LIBS_subota-courier := courier common
LIBS_subota-nursery := common
LIBS_subota-flashd := flashd common
LIBS_subota-session := session common
LIBS_subotactl := ctl cloudd session common
LIBS_subota-devcenter := devcenter common
LIBS_subota-subdevice := subdevices
LIBS_subota-demo := demo testlib common
EXTRA_subota-cloudd := -lwolfssl
EXTRA_subota-courier := -lcurl
EXTRA_subotactl := -lwolfssl
EXTRA_subota-devcenter := -lmicrohttpd -lgnutls -lssl -lcrypto
EXTRA_subota-subdevice := -lutil

BINS := $(foreach p,$(PROGRAMS),$(B)/bin/$(firstword $(subst :, ,$(p))))
TEST_LIBS := testlib devcenter ctl cloudd fetchd courier flashd session common
TEST_PKGS := -lcriterion -lwolfssl -lcurl -lcbor -lmicrohttpd -lssl -lcrypto -lutil -lpthread
TIERS := unit integration system
TEST_BINS := $(foreach t,$(TIERS),$(if $(wildcard tests/$(t)/*.c),$(B)/tests/$(t)))
FUZZ_NAMES := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

include $(wildcard deploy/make/*.mk)

.PHONY: help all deps demo test asan fuzz lint facts bench clean install programs
.SECONDARY:

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

all: programs ## build everything
	$(Q)ln -sfn $(VARIANT)/bin build/bin

programs: deps
	$(Q)$(MAKE) --no-print-directory $(BINS) VARIANT=$(VARIANT)

deps: ## install the Debian packages that are missing (deploy/deps.txt)
	$(Q)deploy/setup deps

# --- rules ------------------------------------------------------------------------------------------------------
$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h &: proto/%.proto
	@mkdir -p $(B)/gen
	$(Q)protoc-c -I proto -I /usr/include --c_out=$(B)/gen $<

$(B)/gen/%.o: $(B)/gen/%.c
	$(Q)$(CC) -std=gnu11 $(FLAGS_$(VARIANT)) $(HARDEN) -I$(B)/gen -c $< -o $@

$(B)/obj/%.o: %.c | $(GEN_HDR)
	@mkdir -p $(dir $@)
	@$(if $(filter 1,$(V)),,echo "  CC   $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(findstring tests/,$<),-Itests/lib -Itests/devcenter) -c $< -o $@

define library
$(B)/lib$(1).a: $(call objs,$($(1)_SRC)) $(if $(filter common,$(1)),$(GEN_SRC:.c=.o))
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
endef
$(foreach p,$(PARTS),$(eval $(call library,$(p))))

define program
$(B)/bin/$(1): $(B)/obj/$(2)/main.o $(foreach l,$(LIBS_$(1)),$(B)/lib$(l).a)
	@mkdir -p $$(dir $$@)
	@$(if $(filter 1,$(V)),,echo "  LD   $$@")
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $(PKG_LIBS) $(EXTRA_$(1)) -lpthread
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(firstword $(subst :, ,$(p))),$(lastword $(subst :, ,$(p))))))

define tier
$(B)/tests/$(1): $(call objs,$(wildcard tests/$(1)/*.c)) $(foreach l,$(TEST_LIBS),$(B)/lib$(l).a)
	@mkdir -p $$(dir $$@)
	@echo "  LD   $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $(call objs,$(wildcard tests/$(1)/*.c)) -Wl,--start-group \
		$(foreach l,$(TEST_LIBS),$(B)/lib$(l).a) -Wl,--end-group $(PKG_LIBS) $(TEST_PKGS)
endef
$(foreach t,$(TIERS),$(eval $(call tier,$(t))))

$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(foreach l,$(TEST_LIBS),$(B)/lib$(l).a)
	@mkdir -p $(dir $@)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group \
		$(foreach l,$(TEST_LIBS),$(B)/lib$(l).a) -Wl,--end-group $(PKG_LIBS) $(TEST_PKGS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# --- running ----------------------------------------------------------------------------------------------------
unit: $(B)/tests/unit ## build and run the unit tests only
	$(Q)$(B)/tests/unit

clean: ## remove everything that was built
	rm -rf build
