# SPDX-License-Identifier: Apache-2.0
# tortie: `make` builds everything into build/, `make demo` shows it, `make test` tests it.
# V=1 prints the commands; SAN=1 builds with ASan and UBSan into build/san/; WERROR=1 makes warnings
# errors; ABI_VERSION=N builds the map layout under another version number (tests of upgrades).

V ?= 0
SAN ?= 0
WERROR ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-7s %s\n' '$(1)' '$(2)')

B ?= build$(if $(ABI_VERSION),/abi$(ABI_VERSION))$(if $(filter 1,$(SAN)),/san)
VERSION := $(shell cat VERSION)
comma := ,

CC := gcc
CLANG := clang
BPFTOOL := $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wformat=2 -Wvla -Wno-unused-parameter -Wno-missing-field-initializers $(if $(filter 1,$(WERROR)),-Werror)
SANITIZE := $(if $(filter 1,$(SAN)),-fsanitize=address$(comma)undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer)
CFLAGS ?= -O2 -g -ffunction-sections -fdata-sections
ABI := $(if $(ABI_VERSION),-DDATAPLANE_ABI_VERSION=$(ABI_VERSION) '-DENDPOINT_ADDED_FIELD=__u32 added;')
INCLUDES := -Iinclude -I. -isystem $(B)/skel -I/usr/include/libnl3
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) $(SANITIZE) $(ABI) $(EXTRA_CFLAGS) -D_GNU_SOURCE \
	-DTORTIE_VERSION='"$(VERSION)"' $(INCLUDES) -MMD -MP
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter $(ABI) -Iinclude -Ibpf -Ivmlinux \
	-isystem /usr/include/$(shell uname -m)-linux-gnu -MMD -MP

LIB_SRC := $(wildcard lib/*.c)
LOADER_SRC := $(wildcard loader/*.c)
CNI_SRC := $(wildcard cni/*.c)
BGP_SRC := $(wildcard bgp/*.c)
KUBE_SRC := $(wildcard kube/*.c)
TOOL_SRC := $(wildcard tools/tortie/*.c)
# The file that defines the maps goes first: libbpf's linker gives externs seen earlier offset 0.
BPF_SRC := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(wildcard bpf/*.bpf.c))
UNIT_SRC := $(wildcard tests/unit/*/test_*.c) $(wildcard tests/bpf/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
TEST_TOOL_SRC := $(wildcard tests/tools/*.c)

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB := $(B)/obj/libtortie.a
SKEL := $(B)/skel/tortie.skel.h
PROGRAMS := $(B)/tortied $(B)/tortie-bgpd $(B)/tortie-kubed $(B)/tortie-cni $(B)/tortie
UNIT_TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(UNIT_SRC))
TEST_TOOLS := $(patsubst tests/tools/%.c,$(B)/tests/tools/%,$(TEST_TOOL_SRC))
# Those that go into pods, whatever libraries these have.
STATIC_TOOLS := $(addprefix $(B)/tests/static/,net_peer udp_flow cni_timer pause)
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: FORCE all bpf install image manifests test-programs test-tools fuzzers lint test test-long \
	demo bench bench-cni bench-bgp clean
all: $(PROGRAMS) $(B)/tortie.bpf.o
bpf: $(B)/tortie.bpf.o $(SKEL)
test-tools: $(TEST_TOOLS) $(STATIC_TOOLS)
test-programs: all $(UNIT_TESTS) $(TEST_TOOLS) $(STATIC_TOOLS)

# --- BPF: one object of all programs, one skeleton ---
$(B)/obj/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MF $(@:.o=.d) -c $< -o $@
$(B)/tortie.bpf.o: $(patsubst bpf/%.bpf.c,$(B)/obj/bpf/%.bpf.o,$(BPF_SRC))
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
$(SKEL): $(B)/tortie.bpf.o
	$(call say,SKEL,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name tortie_bpf > $@

# --- user space ---
# Only what includes the skeleton waits for it: no header does, so a .c says so itself.
SKEL_USERS := $(shell grep -l '"tortie.skel.h"\|<tortie.skel.h>' loader/*.c tools/tortie/*.c \
	tests/bpf/*.c $(UNIT_SRC) $(TEST_TOOL_SRC) 2>/dev/null)
$(call objects,$(SKEL_USERS)): $(SKEL)
$(B)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@
# The list makes a source that is new or gone rebuild the archive, whatever its object's time.
$(B)/obj/lib.list: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_SRC)' | cmp -s - $@ || echo '$(LIB_SRC)' >$@
$(LIB): $(call objects,$(LIB_SRC)) $(B)/obj/lib.list
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

link = $(call say,LINK,$@)
# The API client (lib/kube_*.c): only those who use it link libcurl.
KUBE_LIBS := -lcurl -ljson-c -lyaml -lresolv
LOADER_LIBS := -lbpf -lelf -lz -lnl-3 -lnl-route-3 -lnftables -lcap-ng -lyaml -ljson-c
$(B)/tortied: $(call objects,$(LOADER_SRC)) $(LIB)
	$(link)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(LOADER_LIBS)
# The speaker is optimised as one program: a route passes ten files between recv() and send(). What
# the compiler warns of in each file it has looked at already; across them it guesses.
ifeq ($(SANITIZE),)
LTO := -flto=auto -fno-plt
lto_objects = $(patsubst %.c,$(B)/obj/lto/%.o,$(1))
$(B)/obj/lto/%.o: %.c
	$(call say,CC,$< (lto))
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LTO) -c $< -o $@
$(B)/obj/lto/libtortie.a: $(call lto_objects,$(LIB_SRC)) $(B)/obj/lib.list
	$(call say,AR,$@)
	$(Q)rm -f $@ && gcc-ar rcs $@ $(filter %.o,$^)
BGP_OBJECTS := $(call lto_objects,$(BGP_SRC)) $(B)/obj/lto/libtortie.a
else
BGP_OBJECTS := $(call objects,$(BGP_SRC)) $(LIB)
endif
$(B)/tortie-bgpd: $(BGP_OBJECTS)
	$(link)
	$(Q)$(CC) $(ALL_CFLAGS) $(LTO) -Wno-maybe-uninitialized $^ -o $@ -lyaml -lseccomp -lcap-ng
$(B)/tortie-kubed: $(call objects,$(KUBE_SRC)) $(LIB)
	$(link)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(KUBE_LIBS) -lmicrohttpd
$(B)/tortie-cni: $(call objects,$(CNI_SRC)) $(LIB)
	$(link)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(SANITIZE),,-static -Wl$(comma)--gc-sections) $^ -o $@ -ljson-c
	$(if $(SANITIZE),,$(Q)strip -s $@)
TOOL_LIBS := -lbpf -lelf -lz -lnl-3 -lnl-route-3 -lnftables -lyaml -ljson-c $(KUBE_LIBS)
$(B)/tortie: $(call objects,$(TOOL_SRC)) $(LIB)
	$(link)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(TOOL_LIBS)

# --- container image: all programs and the libraries they need. The command line is linked for the
#     folder that the image brings to a host, so that it runs on every distribution ---
IMAGE_NAME ?= docker.io/tortie/tortie:$(VERSION)
IMAGE_PREFIX := /opt/tortie
IMAGE_PROGRAMS = $(filter-out $(B)/tortie,$(PROGRAMS)) $(B)/image/tortie
$(B)/image/tortie: $(call objects,$(TOOL_SRC)) $(LIB)
	$(link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(TOOL_LIBS) -Wl$(comma)--disable-new-dtags \
		-Wl$(comma)-rpath$(comma)$(IMAGE_PREFIX)/lib \
		-Wl$(comma)--dynamic-linker=$(IMAGE_PREFIX)/lib/ld.so
$(B)/tortie-image.tar: $(IMAGE_PROGRAMS) $(wildcard deploy/image/*) tools/dev/make_image.py
	$(call say,IMAGE,$@)
	$(Q)tools/dev/make_image.py $@ $(IMAGE_NAME) $(IMAGE_PROGRAMS) \
		--file $(IMAGE_PREFIX)/share/seccomp-agent.json=deploy/image/seccomp-agent.json
image: $(B)/tortie-image.tar
# The one file that a user applies.
manifests: deploy/kubernetes/tortie.yaml
deploy/kubernetes/tortie.yaml: deploy/kubernetes/node.yaml deploy/kubernetes/crds.yaml
	$(call say,CAT,$@)
	$(Q){ cat deploy/kubernetes/node.yaml; echo '---'; cat deploy/kubernetes/crds.yaml; } >$@

# --- tests: a test names the sources and libraries it links in its own head:
#     "links: lib/wire.c bgp/fsm.c lib/config*.c" and "libs: -ljson-c" ---
head_list = $(shell sed -n '1,40{/^ \* $(2):/{s|^ \* $(2):||;s|\*/||;p}}' $(1))
links = $(call objects,$(wildcard $(call head_list,$(1),links)))
libs = $(call head_list,$(1),libs)
.SECONDEXPANSION:
$(UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/%.o $$(call links,tests/$$*.c)
	$(link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ -lcmocka $(call libs,tests/$*.c)
$(TEST_TOOLS): $(B)/tests/tools/%: $(B)/obj/tests/tools/%.o $$(call links,tests/tools/$$*.c)
	$(link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(call libs,tests/tools/$*.c) -lpthread
$(STATIC_TOOLS): $(B)/tests/static/%: tests/tools/%.c
	$(link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Os -static -s $< -o $@

# --- fuzz targets: clang's libFuzzer with ASan and UBSan over the sources named in their heads ---
FUZZ_CFLAGS := -std=gnu11 -O1 -g -D_GNU_SOURCE -DTORTIE_VERSION='"$(VERSION)"' $(INCLUDES) \
	-fsanitize=fuzzer$(comma)address$(comma)undefined -fno-sanitize-recover=undefined \
	-fprofile-instr-generate -fcoverage-mapping
HEADERS := $(wildcard include/*.h lib/*.h bgp/*.h kube/*.h cni/*.h loader/*.h)
fuzzers: $(FUZZERS)
$(FUZZERS): $(B)/fuzz/%: tests/fuzz/%.c $$(wildcard $$(call head_list,tests/fuzz/$$*.c,links)) $(HEADERS)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(filter %.c,$^) -o $@ $(call libs,tests/fuzz/$*.c)

lint:
	$(Q)tools/dev/lint.sh

# --- these become root by sudo, install the Debian packages that are missing, and build first;
#     T="WORD..." runs only the test files whose path holds one of the words; ARGS: of the
#     benchmark ---
PART ?= all
KEEP ?= 0
prepared_build = make --no-print-directory -j$$(nproc) all test-tools
test:
	$(Q)tools/dev/run_prepared.sh 'build test' tests/run.py $(T)
test-long:
	$(Q)tools/dev/run_prepared.sh 'build test long' tests/run.py --long $(PART) $(T)
demo:
	$(Q)tools/dev/run_prepared.sh 'build demo' sh -c '$(prepared_build) && \
		DEMO_PREPARED=1 KEEP=$(KEEP) tests/demo.sh'
bench:
	$(Q)tools/dev/run_prepared.sh 'build bench' sh -c '$(prepared_build) && \
		tests/bench/bench.py $(ARGS)'
bench-cni:
	$(Q)tools/dev/run_prepared.sh 'build bench' sh -c '$(prepared_build) && \
		tests/bench/cni_bench.py $(ARGS)'
bench-bgp:
	$(Q)tools/dev/run_prepared.sh 'build bgp' sh -c '$(prepared_build) && \
		tests/bench/bgp_bench.py $(ARGS)'

# What a node needs, below DESTDIR. Nothing is started and no configuration is written.
install: all
	$(call say,INSTALL,$(DESTDIR)/)
	$(Q)install -D -m 755 -t $(DESTDIR)/usr/sbin $(B)/tortied $(B)/tortie-bgpd $(B)/tortie-kubed
	$(Q)install -D -m 755 -t $(DESTDIR)/usr/bin $(B)/tortie
	$(Q)install -D -m 755 -t $(DESTDIR)/opt/cni/bin $(B)/tortie-cni
	$(Q)install -D -m 644 -t $(DESTDIR)/etc/systemd/system deploy/systemd/tortied.service \
		deploy/systemd/tortie-bgpd.service deploy/systemd/tortie-kubed.service
	$(Q)install -D -m 644 -t $(DESTDIR)/etc/sysusers.d deploy/sysusers.d/tortie.conf
	$(Q)install -D -m 644 -t $(DESTDIR)/etc/iproute2/rt_protos.d deploy/rt_protos.d/tortie.conf
	$(Q)install -D -m 644 -t $(DESTDIR)/usr/share/bash-completion/completions \
		deploy/bash-completion/tortie
	$(Q)install -D -m 644 -t $(DESTDIR)/usr/share/man/man8 $(wildcard docs/man/*.8)
	$(Q)install -D -m 644 -t $(DESTDIR)/usr/share/man/man5 $(wildcard docs/man/*.5)

clean:
	$(Q)rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
