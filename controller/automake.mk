# The agent.  What is pure in it is in a library, for the tests.
noinst_LIBRARIES += controller/libvnic-controller.a
controller_libvnic_controller_a_SOURCES = \
	controller/arrivals.c \
	controller/arrivals.h \
	controller/bridge-facts.c \
	controller/bridge-facts.h \
	controller/gate.c \
	controller/gate.h \
	controller/greeting.c \
	controller/greeting.h \
	controller/journal.c \
	controller/journal.h \
	controller/listings.c \
	controller/listings.h \
	controller/read-pace.c \
	controller/read-pace.h \
	controller/vlan-listing.c \
	controller/vlan-listing.h \
	controller/orphan-listing.c \
	controller/orphan-listing.h \
	controller/vnic-state.c \
	controller/vnic-state.h \
	controller/warnings.c \
	controller/warnings.h \
	controller/wishes.c \
	controller/wishes.h

sbin_PROGRAMS += controller/vnicd
controller_vnicd_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUV_CFLAGS) $(SYSTEMD_CFLAGS)
controller_vnicd_SOURCES = \
	controller/bridge-flows.c \
	controller/bridge-flows.h \
	controller/commands.c \
	controller/commands.h \
	controller/flow-listing.c \
	controller/flow-listing.h \
	controller/hook-server.c \
	controller/hook-server.h \
	controller/hooks.c \
	controller/hooks.h \
	controller/inputs.c \
	controller/inputs.h \
	controller/learnt-flush.c \
	controller/learnt-flush.h \
	controller/loop.c \
	controller/loop.h \
	controller/main.c \
	controller/netdevs.c \
	controller/netdevs.h \
	controller/notes.c \
	controller/notes.h \
	controller/notify.c \
	controller/notify.h \
	controller/options.c \
	controller/options.h \
	controller/questions.c \
	controller/questions.h \
	controller/reconcile.c \
	controller/reconcile.h \
	controller/remove.c \
	controller/remove.h \
	controller/stale-sockets.c \
	controller/stale-sockets.h \
	controller/status.c \
	controller/status.h \
	controller/switch-flows.c \
	controller/switch-flows.h \
	controller/vswitchd.c \
	controller/vswitchd.h \
	controller/welcome.c \
	controller/welcome.h
controller_vnicd_LDADD = \
	controller/libvnic-controller.a \
	ovsdb/libvnic-ovsdb.a \
	flows/libvnic-flows.a \
	virt/libvnic-virt.a \
	lib/libvnic.a \
	libvirt-hooks/libvnic-hook.a \
	$(OVS_LIBS) $(LIBVIRT_LIBS) $(LIBXML2_LIBS) $(LIBUV_LIBS) \
	$(SYSTEMD_LIBS)
