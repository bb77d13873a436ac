# Unit tests: one cmocka program for each pure file.
unit_tests = \
	tests/test-desired \
	tests/test-memory \
	tests/test-port-plan \
	tests/test-scenarios \
	tests/test-vlan
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
tests_test_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_port_plan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_scenarios_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_test_vlan_CPPFLAGS = $(UNIT_CPPFLAGS)


# The layers of the house.
dist_check_SCRIPTS = tests/check-layers.sh
TESTS += tests/check-layers.sh

EXTRA_DIST += tests/install-deps tests/scenarios
