# Unit tests: one cmocka program for each pure file.
unit_tests = \
	tests/test-announcement \
	tests/test-arrivals \
	tests/test-bridge-facts \
	tests/test-bridge-vlans \
	tests/test-conflict \
	tests/test-ctl-findings \
	tests/test-ctl-output \
	tests/test-desired \
	tests/test-domain-xml \
	tests/test-dp-ports \
	tests/test-entitlement \
	tests/test-error \
	tests/test-flood-map \
	tests/test-flow-change \
	tests/test-flow-diff \
	tests/test-flow-monitor \
	tests/test-flow-msg \
	tests/test-flow-owners \
	tests/test-flow-space \
	tests/test-flow-table \
	tests/test-gate \
	tests/test-hook-config \
	tests/test-hook-proto \
	tests/test-hook-scan \
	tests/test-hook-step \
	tests/test-identify \
	tests/test-intent \
	tests/test-journal \
	tests/test-memory \
	tests/test-membership-query \
	tests/test-metadata-xml \
	tests/test-network \
	tests/test-network-xml \
	tests/test-ofconn \
	tests/test-ovsdb-remote \
	tests/test-packet-flow \
	tests/test-port-conn \
	tests/test-patch-pair \
	tests/test-pipeline \
	tests/test-pipeline-change \
	tests/test-policy \
	tests/test-policy-intent \
	tests/test-port-plan \
	tests/test-port-plan-bridge \
	tests/test-port-plan-rows \
	tests/test-port-table \
	tests/test-read-pace \
	tests/test-read-queue \
	tests/test-refusals \
	tests/test-report \
	tests/test-scenarios \
	tests/test-settings \
	tests/test-switch-control \
	tests/test-switch-view \
	tests/test-tables \
	tests/test-text \
	tests/test-trace \
	tests/test-verify \
	tests/test-verify-plan \
	tests/test-virt-conn-facts \
	tests/test-virt-conn-life \
	tests/test-vlan \
	tests/test-vnic \
	tests/test-vnic-state \
	tests/test-warnings \
	tests/test-why \
	tests/test-wishes
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

# What they share.
check_LIBRARIES = tests/libunit.a
tests_libunit_a_SOURCES = \
	tests/build.c \
	tests/build.h \
	tests/fake-switch.c \
	tests/fake-switch.h \
	tests/flow-text.c \
	tests/flow-text.h \
	tests/golden.c \
	tests/golden.h \
	tests/host.c \
	tests/host.h \
	tests/json-member.c \
	tests/json-member.h \
	tests/pipeline-json.c \
	tests/pipeline-json.h \
	tests/plan-host.c \
	tests/plan-host.h \
	tests/unit.h

# Linked with every program that does not say otherwise.
LDADD = \
	tests/libunit.a \
	controller/libvnic-controller.a \
	ovsdb/libvnic-ovsdb.a \
	flows/libvnic-flows.a \
	virt/libvnic-virt.a \
	lib/libvnic.a \
	$(OVS_LIBS) $(LIBVIRT_LIBS) $(LIBXML2_LIBS) $(CMOCKA_LIBS)

# In the place of virt/virt-link.c.
FAKE_LIBVIRT = tests/fake-libvirt.c tests/fake-libvirt.h
tests_test_virt_conn_facts_SOURCES = \
	tests/test-virt-conn-facts.c $(FAKE_LIBVIRT)
tests_test_virt_conn_life_SOURCES = tests/test-virt-conn-life.c $(FAKE_LIBVIRT)

tests_test_domain_xml_CPPFLAGS = $(AM_CPPFLAGS) $(LIBXML2_CFLAGS)
tests_test_metadata_xml_CPPFLAGS = $(AM_CPPFLAGS) $(LIBXML2_CFLAGS)

# Installs flows for the integration tests.
check_PROGRAMS += tests/ofconn-load
# Flows of a bridge, for the integration tests.
check_PROGRAMS += tests/print-pipeline

# Questions to a switch, for the integration tests.
check_PROGRAMS += tests/ask-switch

# With libvirt's own test driver: no daemon needed.
libvirt_tests = \
	tests/test-virt-conn \
	tests/test-virt-link \
	tests/test-virt-xml
check_PROGRAMS += $(libvirt_tests)
TESTS += $(libvirt_tests)
tests_test_virt_conn_CPPFLAGS = \
	$(AM_CPPFLAGS) $(LIBVIRT_CFLAGS) $(LIBXML2_CFLAGS)
tests_test_virt_link_CPPFLAGS = $(AM_CPPFLAGS) $(LIBVIRT_CFLAGS)
tests_test_virt_link_LDFLAGS = \
	$(AM_LDFLAGS) -Wl,--wrap=virConnectNetworkEventRegisterAny \
	-Wl,--wrap=virDomainGetState
tests_test_virt_xml_CPPFLAGS = $(AM_CPPFLAGS) $(LIBVIRT_CFLAGS)

# Not with libopenvswitch: see ctl/automake.mk.
tests_test_ctl_findings_CPPFLAGS = $(BASE_CPPFLAGS)
tests_test_ctl_findings_LDADD = \
	ctl/libvnic-ctl.a $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_test_ctl_output_CPPFLAGS = $(BASE_CPPFLAGS)
tests_test_ctl_output_LDADD = ctl/libvnic-ctl.a $(CMOCKA_LIBS)

# The C library alone.
HOOK_LDADD = libvirt-hooks/libvnic-hook.a $(CMOCKA_LIBS)
tests_test_hook_config_CPPFLAGS = $(BASE_CPPFLAGS)
tests_test_hook_config_LDADD = $(HOOK_LDADD)
tests_test_hook_proto_CPPFLAGS = $(BASE_CPPFLAGS)
tests_test_hook_proto_LDADD = $(HOOK_LDADD)
tests_test_hook_scan_CPPFLAGS = $(BASE_CPPFLAGS)
tests_test_hook_scan_LDADD = $(HOOK_LDADD)
tests_test_hook_step_CPPFLAGS = $(BASE_CPPFLAGS)
tests_test_hook_step_LDADD = $(HOOK_LDADD)

# For --enable-sanitizers=thread.
EXTRA_DIST += tests/tsan.supp
AM_TESTS_ENVIRONMENT = \
	TSAN_OPTIONS="suppressions=$(abs_top_srcdir)/tests/tsan.supp"; \
	export TSAN_OPTIONS;

# Fuzzing, for 'make fuzz' alone: it needs clang, and time.
FUZZ_CC = clang
FUZZ_CFLAGS = -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all
FUZZ_SECONDS = 60
FUZZ_BUILD = $(MKDIR_P) tests/fuzz && cd $(top_srcdir) && \
	$(FUZZ_CC) $(FUZZ_CFLAGS) -D_GNU_SOURCE -I$(abs_top_builddir) \
		-iquote . $(OVS_CPPFLAGS) $(LIBXML2_CFLAGS) \
		-o $(abs_top_builddir)/$@
FUZZ_LIBS = $(OVS_LIBS) $(LIBXML2_LIBS)
fuzz_shared_sources = \
	virt/port-xml.c \
	virt/xml.c \
	lib/cleanup.c \
	lib/error.c \
	lib/policy.c \
	lib/vlan.c
fuzz_domain_sources = \
	virt/domain-xml.c \
	virt/metadata-node.c \
	virt/metadata-policy.c \
	virt/metadata-xml.c \
	lib/vnic.c \
	$(fuzz_shared_sources)
fuzz_domain_xml_sources = \
	tests/fuzz/fuzz-domain-xml.c \
	$(fuzz_domain_sources)
fuzz_hook_proto_sources = \
	tests/fuzz/fuzz-hook-proto.c \
	libvirt-hooks/hook-proto.c
fuzz_metadata_xml_sources = \
	tests/fuzz/fuzz-metadata-xml.c \
	$(fuzz_domain_sources)
fuzz_network_xml_sources = \
	tests/fuzz/fuzz-network-xml.c \
	virt/network-xml.c \
	lib/network.c \
	$(fuzz_shared_sources)
fuzz_trace_sources = \
	tests/fuzz/fuzz-trace.c \
	flows/trace.c \
	lib/cleanup.c \
	lib/error.c \
	lib/text.c
tests/fuzz/fuzz-domain-xml: $(fuzz_domain_xml_sources) config.h
	$(AM_V_GEN)$(FUZZ_BUILD) $(fuzz_domain_xml_sources) $(FUZZ_LIBS)
tests/fuzz/fuzz-hook-proto: $(fuzz_hook_proto_sources) config.h
	$(AM_V_GEN)$(FUZZ_BUILD) $(fuzz_hook_proto_sources) $(FUZZ_LIBS)
tests/fuzz/fuzz-metadata-xml: $(fuzz_metadata_xml_sources) config.h
	$(AM_V_GEN)$(FUZZ_BUILD) $(fuzz_metadata_xml_sources) $(FUZZ_LIBS)
tests/fuzz/fuzz-network-xml: $(fuzz_network_xml_sources) config.h
	$(AM_V_GEN)$(FUZZ_BUILD) $(fuzz_network_xml_sources) $(FUZZ_LIBS)
tests/fuzz/fuzz-trace: $(fuzz_trace_sources) config.h
	$(AM_V_GEN)$(FUZZ_BUILD) $(fuzz_trace_sources) $(FUZZ_LIBS)
fuzzers = \
	tests/fuzz/fuzz-domain-xml \
	tests/fuzz/fuzz-hook-proto \
	tests/fuzz/fuzz-metadata-xml \
	tests/fuzz/fuzz-network-xml \
	tests/fuzz/fuzz-trace
fuzz: $(fuzzers)
	corpus=$$(mktemp -d) && trap 'rm -rf "$$corpus"' EXIT && \
	for parser in domain-xml hook-proto metadata-xml network-xml trace; do \
		mkdir "$$corpus/$$parser" && \
		tests/fuzz/fuzz-$$parser -max_total_time=$(FUZZ_SECONDS) \
			-dict=$(srcdir)/tests/fuzz/$$parser.dict \
			-artifact_prefix=tests/fuzz/ "$$corpus/$$parser" \
			$(srcdir)/tests/fuzz/corpus/$$parser || exit 1; \
	done
.PHONY: fuzz
CLEANFILES += $(fuzzers)
EXTRA_DIST += \
	tests/fuzz/corpus \
	tests/fuzz/domain-xml.dict \
	tests/fuzz/fuzz-domain-xml.c \
	tests/fuzz/fuzz-hook-proto.c \
	tests/fuzz/fuzz-metadata-xml.c \
	tests/fuzz/fuzz-network-xml.c \
	tests/fuzz/fuzz-trace.c \
	tests/fuzz/fuzz.h \
	tests/fuzz/hook-proto.dict \
	tests/fuzz/metadata-xml.dict \
	tests/fuzz/network-xml.dict \
	tests/fuzz/trace.dict

# The layers of the house.
dist_check_SCRIPTS = tests/check-layers.sh
TESTS += tests/check-layers.sh

check-full:
	$(top_srcdir)/tests/check-full
.PHONY: check-full
EXTRA_DIST += tests/check-full

# How fast, and at what cost: in half a minute.
bench: all tests/print-pipeline
	$(top_srcdir)/tests/bench/bench.py $(abs_top_builddir)
	$(top_srcdir)/tests/bench/datapath.py $(abs_top_builddir)
	$(top_srcdir)/tests/bench/gate.py $(abs_top_builddir)
.PHONY: bench
EXTRA_DIST += \
	tests/bench/bench.py \
	tests/bench/datapath.py \
	tests/bench/gate.py \
	tests/bench/harness.py

# What needs no compiler goes into the tarball by the folder.
EXTRA_DIST += \
	tests/guests \
	tests/flow-scenarios \
	tests/hostbox \
	tests/install-deps \
	tests/integration \
	tests/oracle \
	tests/scenarios \
	tests/traces
dist-hook:
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
