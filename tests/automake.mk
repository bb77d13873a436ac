# Unit tests: one cmocka program for each pure file.
unit_tests = \
	tests/test-ctl-findings \
	tests/test-ctl-output \
	tests/test-desired \
	tests/test-error \
	tests/test-journal \
	tests/test-memory \
	tests/test-port-plan \
	tests/test-report \
	tests/test-scenarios \
	tests/test-switch-view \
	tests/test-vlan \
	tests/test-vnic \
	tests/test-vnic-state
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

# What they share.
check_LIBRARIES = tests/libunit.a
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_libunit_a_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_libunit_a_SOURCES = \
	tests/build.c \
	tests/build.h \
	tests/unit.h

# Linked with every program that does not say otherwise.
LDADD = \
	tests/libunit.a \
	controller/libvnic-controller.a \
	ovsdb/libvnic-ovsdb.a \
	virt/libvnic-virt.a \
	lib/libvnic.a \
	$(OVS_LIBS) $(LIBVIRT_LIBS) $(LIBXML2_LIBS) $(CMOCKA_LIBS)

tests_test_desired_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_error_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_journal_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_port_plan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_report_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_scenarios_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_switch_view_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_vlan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_vnic_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_vnic_state_CPPFLAGS = $(UNIT_CPPFLAGS)

# Not with libopenvswitch: see ctl/automake.mk.
tests_test_ctl_findings_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_test_ctl_findings_LDADD = \
	ctl/libvnic-ctl.a $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_test_ctl_output_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_test_ctl_output_LDADD = ctl/libvnic-ctl.a $(CMOCKA_LIBS)

# The layers of the house.
dist_check_SCRIPTS = tests/check-layers.sh
TESTS += tests/check-layers.sh

# What needs no compiler goes into the tarball by the folder.
EXTRA_DIST += \
	tests/install-deps \
	tests/integration \
	tests/scenarios
dist-hook:
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
