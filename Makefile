# tortie: `make` builds everything into build/, `make demo` shows it, `make test` tests it.
# V=1 prints the commands, SAN=1 builds with ASan and UBSan into build/san/, WERROR=1 makes warnings errors.

V ?= 0
SAN ?= 0
WERROR ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

B := $(if $(filter 1,$(SAN)),build/san,build)
VERSION := $(shell cat VERSION 2>/dev/null || echo 0)

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= bpftool
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wformat=2 -Wvla -Wno-unused-parameter $(if $(filter 1,$(WERROR)),-Werror)
SANFLAGS := $(if $(filter 1,$(SAN)),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
comma := ,
SANFLAGS := $(if $(filter 1,$(SAN)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
CFLAGS ?= -O2 -g
ALLCFLAGS := -std=gnu11 $(CFLAGS) $(WARN) $(SANFLAGS) -D_GNU_SOURCE -DTORTIE_VERSION='"$(VERSION)"' $(EXTRA_CFLAGS)
INCLUDES := -Iinclude -I. -isystem $(B)/skel -I/usr/include/libnl3
ABI_CFLAGS := $(if $(ABI_VERSION),-DDATAPLANE_ABI_VERSION=$(ABI_VERSION))
