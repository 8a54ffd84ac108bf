# SPDX-License-Identifier: MIT
#
# One Makefile for all of Quire. Sources are found, not listed: a new .c file in the right folder is enough.
# Everything that is built goes to build/. `make help` shows what can be made; ./quire is the comfortable way in.

ARCH ?= x86_64
ARCHS := i386 i386pae x86_64
ifeq ($(filter $(ARCH),$(ARCHS)),)
$(error ARCH is one of: $(ARCHS))
endif

CC := gcc
B := build/$(ARCH)
AD := kernel/arch/$(if $(filter x86_64,$(ARCH)),x86_64,i386)
UD := user/arch/$(notdir $(AD))

WARN := -std=c11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
DEPS = -MMD -MP -MF $(@:.o=.d)

# --- sources ---

MM_C := $(wildcard mm/*.c mm/*/*.c mm/*/*/*.c)
KERNEL_C := $(wildcard kernel/*.c kernel/arch/x86/*.[cS] $(AD)/*.[cS])
UNIT_C := $(wildcard tests/unit/*/*.c)
TSAN_C := $(wildcard tests/host/*/tsan_*.c)
MODEL_C := $(filter-out tests/model/test_%,$(wildcard tests/model/*.c))
MACHINE_C := $(wildcard tests/host/machine/*.c)
HOST_C := $(filter-out $(TSAN_C) $(MACHINE_C),$(wildcard tests/host/*/*.c tests/model/test_*.c))
PROGRAMS := $(shell sed 's/\#.*//' user/programs.txt 2>/dev/null)
RUNTIME_C := $(wildcard user/runtime/*.c $(UD)/*.[cS] mm/heap/*.c) mm/event.c mm/status.c
# Parts of the kernel that are ordinary code, tested on the host too.
PORTABLE_C := $(wildcard kernel/boot.c kernel/boot_map.c kernel/chacha.c kernel/elf.c kernel/initrd.c kernel/vector.c)
# ./quire explain: a program of the host.
EXPLAIN_C := $(wildcard tools/explain/*.c)
EXPLAIN_PARTS_C := $(filter-out %/main.c %/port.c,$(EXPLAIN_C))

objects = $(addprefix $(1)/,$(addsuffix .o,$(basename $(2))))

# --- the kernel ---

FORMAT_i386 := x86_32
FORMAT_i386pae := x86_pae
FORMAT_x86_64 := x86_4level
MACHINE_i386 := -m32
MACHINE_i386pae := -m32
MACHINE_x86_64 := -m64 -mno-red-zone
MODEL := $(if $(filter x86_64,$(ARCH)),-mcmodel=kernel)

FREESTANDING := $(WARN) -O2 -g -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
                "-ffile-prefix-map=$(CURDIR)/=" -DQUIRE_FORMAT=$(FORMAT_$(ARCH)) -DQUIRE_PORT_CPU=0 \
                $(if $(filter x86_64,$(ARCH)),-DQUIRE_PORT_DIRECT_MAP=0xFFFF800000000000) -Iinclude
MM_FLAGS := $(FREESTANDING) $(MACHINE_$(ARCH)) $(MODEL) -mgeneral-regs-only -Imm
# The kernel's own stack frames are guarded; the library has no arrays that its callers fill on its stack.
GUARDED := -fstack-protector-strong -mstack-protector-guard=global
KERNEL_FLAGS := $(FREESTANDING) $(GUARDED) $(MACHINE_$(ARCH)) $(MODEL) -mgeneral-regs-only -Ikernel -I$(AD)
UNIT_FLAGS := $(FREESTANDING) $(MACHINE_$(ARCH)) $(MODEL) -mgeneral-regs-only -iquote mm -iquote kernel -iquote $(AD) \
              -iquote tests/harness
USER_FLAGS := $(FREESTANDING) $(MACHINE_$(ARCH)) -iquote mm -iquote user/runtime -iquote user -iquote $(UD)
LINK := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096

KERNEL_O := $(call objects,$(B),$(KERNEL_C) $(MM_C))
TEST_O := $(call objects,$(B),$(UNIT_C) $(wildcard tests/harness/test.c tests/harness/frames.c tests/harness/kernel*.c \
                                 tests/kernel/*.c tests/$(AD)/*.[cS]))
RUNTIME_O := $(call objects,$(B)/user-program,$(RUNTIME_C))
BINARIES := $(addprefix $(B)/root/bin/,$(PROGRAMS))

# Programs whose code and data are two segments, both at address 0: i386 only.
SEGMENTED := $(if $(filter x86_64,$(ARCH)),,$(shell sed 's/\#.*//' user/segmented/programs.txt))
SEGMENTED_BINARIES := $(addprefix $(B)/root/bin/,$(SEGMENTED))
SEGMENTED_O := $(call objects,$(B)/user-program,$(wildcard user/segmented/runtime/*.c) \
                 $(filter-out user/runtime/malloc.c user/runtime/events.c,$(RUNTIME_C)))

kernel: $(B)/quire.elf $(B)/initrd.cpio ## the kernel and its initial file system, for ARCH (default)
test-kernel: $(B)/quire-test.elf $(B)/initrd.cpio ## the same kernel with the unit tests in it

objects: $(KERNEL_O) ## what the kernel is linked from, for ARCH

$(B)/quire.elf: $(KERNEL_O) $(AD)/kernel.ld
	$(CC) $(MACHINE_$(ARCH)) $(LINK) -T $(AD)/kernel.ld -o $@ $(KERNEL_O)

$(B)/quire-test.elf: $(KERNEL_O) $(TEST_O) $(AD)/kernel.ld
	$(CC) $(MACHINE_$(ARCH)) $(LINK) -T $(AD)/kernel.ld -o $@ $(KERNEL_O) $(TEST_O)

# One rule a language and a directory tree: flags differ, nothing else does.
compile = @mkdir -p $(@D)
$(B)/mm/%.o: mm/%.c $(B)/flags ; $(compile) && $(CC) $(MM_FLAGS) $(DEPS) -c -o $@ $<
$(B)/kernel/%.o: kernel/%.c $(B)/flags ; $(compile) && $(CC) $(KERNEL_FLAGS) $(DEPS) -c -o $@ $<
$(B)/kernel/%.o: kernel/%.S $(B)/flags ; $(compile) && $(CC) $(KERNEL_FLAGS) $(DEPS) -c -o $@ $<
$(B)/tests/%.o: tests/%.c $(B)/flags ; $(compile) && $(CC) $(UNIT_FLAGS) $(DEPS) -c -o $@ $<
$(B)/user-program/%.o: %.c $(B)/flags ; $(compile) && $(CC) $(USER_FLAGS) $(DEPS) -c -o $@ $<
$(B)/user-program/%.o: %.S $(B)/flags ; $(compile) && $(CC) $(USER_FLAGS) $(DEPS) -c -o $@ $<

$(B)/root/bin/%: $(B)/user-program/user/%.o $(RUNTIME_O)
	@mkdir -p $(@D)
	$(CC) $(MACHINE_$(ARCH)) $(LINK) -o $@ $^

$(SEGMENTED_BINARIES): $(B)/root/bin/%: $(B)/user-program/user/segmented/%.o $(SEGMENTED_O) user/segmented/segmented.ld
	@mkdir -p $(@D)
	$(CC) $(MACHINE_$(ARCH)) $(LINK) -Wl,--no-check-sections -Wl,-T,user/segmented/segmented.ld -o $@ $< $(SEGMENTED_O)

# One is in assembler and needs no runtime.
$(B)/root/bin/segment-expand: SEGMENTED_O :=

$(B)/initrd.cpio: $(BINARIES) $(SEGMENTED_BINARIES) user/programs.txt user/segmented/programs.txt tools/pack.sh
	@mkdir -p $(B)/root/bin
	sh tools/pack.sh $(B)/root $@

# --- the host: unit tests in four sanitized builds, host-only tests, races ---

HOST_FLAGS := $(WARN) -O1 -g -fno-omit-frame-pointer -DQUIRE_HOST -DQUIRE_ALL_FORMATS -DQUIRE_PAGING_STEPS -Iinclude \
              -iquote mm -iquote kernel -iquote tools -iquote tests/harness -iquote tests/model
HOST_HARNESS_C := tests/harness/test.c tests/harness/frames.c tests/harness/host.c
HOST_MACHINE_C := tests/harness/host_machine.c
HOST_MODEL_C := $(wildcard tests/harness/host_model*.c)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HOSTS := gcc-64 gcc-32 clang-64 clang-32 unchecked-64 fast-64 fast-32 ubsan-32 tsan fuzz coverage
HOST_CC_gcc-64 := gcc -m64 $(SANITIZE)
HOST_CC_gcc-32 := gcc -m32 $(SANITIZE)
HOST_CC_clang-64 := clang -m64 $(SANITIZE)
HOST_CC_clang-32 := clang -m32 $(SANITIZE)
HOST_CC_unchecked-64 := gcc -m64 -DQUIRE_CHECKS=0
HOST_CC_fast-64 := gcc -m64
HOST_CC_fast-32 := gcc -m32
HOST_CC_ubsan-32 := gcc -m32 -fsanitize=undefined -fno-sanitize-recover=all
HOST_SPEED_fast-64 := -O2
HOST_SPEED_fast-32 := -O2
HOST_CC_coverage := gcc -m64 --coverage -fprofile-update=atomic
HOST_SPEED_coverage := -O0
HOST_CC_tsan := clang -m64 -fsanitize=thread
HOST_CC_fuzz := clang -m64 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

# Fuzz targets bring their own machine and take from the library what they need. Noise: without a fuzzer.
FUZZ := $(filter-out main,$(basename $(notdir $(wildcard tests/fuzz/*.c))))
FUZZ_LIBRARY_C := $(MM_C) $(PORTABLE_C) $(EXPLAIN_PARTS_C) $(MODEL_C) $(wildcard tests/fuzz/machine/*.c)
build/host/%/library.a: ; @rm -f $@; ar rc $@ $^
build/host/gcc-64/library.a: $(call objects,build/host/gcc-64,$(FUZZ_LIBRARY_C))
build/host/fuzz/library.a: $(call objects,build/host/fuzz,$(FUZZ_LIBRARY_C))
build/host/gcc-64/noise-%: build/host/gcc-64/tests/fuzz/%.o build/host/gcc-64/tests/fuzz/main.o build/host/gcc-64/library.a
	$(HOST_CC_gcc-64) -o $@ $^ -lpthread
build/host/fuzz/fuzz-%: build/host/fuzz/tests/fuzz/%.o build/host/fuzz/library.a
	$(HOST_CC_fuzz) -fsanitize=fuzzer -o $@ $^ -lpthread
# This one has a part of the kernel in it that is no ordinary code.
build/host/%/tests/fuzz/path.o: HOST_EXTRA := -iquote kernel/arch/x86_64
noise: $(FUZZ:%=build/host/gcc-64/noise-%)
fuzz: $(FUZZ:%=build/host/fuzz/fuzz-%) ## libFuzzer programs for every target of tests/fuzz, in build/host/fuzz

# Out of an archive: what changes tables is not taken, and would want a machine.
build/host/%/mm.a: $(call objects,build/host/%,$(MM_C)) ; @rm -f $@; ar qc $@ $^
build/host/%/explain: $(call objects,build/host/%,$(EXPLAIN_C)) build/host/%/mm.a
	$(HOST_CC_$*) -o $@ $^

# $(1): the build. $(2): the program. $(3): its tests. $(4): the machine they run on.
define host_program
build/host/$(1)/$(2): $(call objects,build/host/$(1),$(3) $(4) $(HOST_HARNESS_C) $(MM_C) $(PORTABLE_C))
	$(HOST_CC_$(1)) -o $$@ $$^ $(LDFLAGS) -lpthread
endef
define host_build
build/host/$(1)/%.o: %.c build/host/$(1)/flags
	@mkdir -p $$(@D)
	$(HOST_CC_$(1)) $(HOST_FLAGS) $(HOST_SPEED_$(1)) $$(HOST_EXTRA) $$(DEPS) -c -o $$@ $$<
endef
$(foreach host,$(HOSTS),$(eval $(call host_build,$(host))))
$(foreach host,$(filter-out tsan,$(HOSTS)),$(eval $(call host_program,$(host),unit,$(UNIT_C),$(HOST_MACHINE_C))))
$(foreach host,$(filter-out tsan,$(HOSTS)),$(eval $(call host_program,$(host),machine,$(MACHINE_C) $(MODEL_C),$(HOST_MODEL_C))))
$(foreach host,gcc-64 clang-64 fast-64 coverage,$(eval $(call host_program,$(host),host,$(HOST_C) $(MODEL_C) $(EXPLAIN_PARTS_C),$(HOST_MACHINE_C))))
$(eval $(call host_program,tsan,races,$(TSAN_C) $(MODEL_C),$(HOST_MACHINE_C)))

host-%: build/host/%/unit ; @$< ## host-gcc-64 (gcc-32, clang-64, clang-32): build and run the unit tests here

# --- flags that changed rebuild what they built ---

.PHONY: FORCE
remember = @mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' >$@
$(B)/flags: FORCE ; $(call remember,$(CC) $(MM_FLAGS) $(KERNEL_FLAGS) $(UNIT_FLAGS) $(USER_FLAGS))
build/host/%/flags: FORCE ; $(call remember,$(HOST_CC_$*) $(HOST_FLAGS) $(HOST_SPEED_$*))

# --- the rest ---

iso: $(B)/quire.iso ## a small bootable ISO with GRUB, for ARCH
$(B)/quire.iso: $(B)/quire.elf $(B)/initrd.cpio tools/make-iso.sh
	sh tools/make-iso.sh $(ARCH) $@ $(B)/quire.elf $(B)/initrd.cpio

compile_commands: compile_commands.json ## compile_commands.json for editors and clang-tidy
compile_commands.json: FORCE
	sh tools/compile-commands.sh $(ARCH) >$@

format-check: ## is everything as clang-format would write it?
	sh tools/check-format.sh

lint: compile_commands.json ## clang-tidy and cppcheck
	sh tools/lint.sh

check-tree: ## dependency order, lengths, headers, words
	sh tools/check-tree.sh

clean: ## throws build/ away
	rm -rf build compile_commands.json

help: ## this list
	@sed -n 's/^\([a-z_%-]*\): .*## \(.*\)/  \1 \2/p' $(MAKEFILE_LIST) | awk '{ printf "  %-18s", $$1; $$1 = ""; print }'
	@echo; echo "  ARCH=$(ARCHS) (now $(ARCH)); everyday use: ./quire help"

.PHONY: kernel test-kernel objects noise fuzz iso compile_commands format-check lint check-tree clean help
.DEFAULT_GOAL := kernel
.DELETE_ON_ERROR:
.SECONDARY:

# Those of the host's builds are read only when one of them is wanted: they are many, and ./quire run makes the kernel each time.
-include $(shell find $(if $(filter-out kernel test-kernel objects iso,$(or $(MAKECMDGOALS),kernel)),build,$(B)) -name '*.d' 2>/dev/null)
