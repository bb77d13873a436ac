# Pure types and decisions.  No I/O, clock, sockets or logging.
noinst_LIBRARIES += lib/libvnic.a
lib_libvnic_a_SOURCES = \
	lib/bridge-vlans.c \
	lib/bridge-vlans.h \
	lib/cleanup.c \
	lib/cleanup.h \
	lib/conflict.c \
	lib/conflict.h \
	lib/desired.c \
	lib/desired.h \
	lib/error.c \
	lib/error.h \
	lib/identify.c \
	lib/identify.h \
	lib/intent.c \
	lib/intent.h \
	lib/isolation.c \
	lib/isolation.h \
	lib/judge.c \
	lib/judge.h \
	lib/memory.c \
	lib/memory.h \
	lib/network.c \
	lib/network.h \
	lib/orphan.c \
	lib/orphan.h \
	lib/patch-pair.c \
	lib/patch-pair.h \
	lib/policy-intent.c \
	lib/policy-intent.h \
	lib/policy.c \
	lib/policy.h \
	lib/report.c \
	lib/report.h \
	lib/settings.c \
	lib/settings.h \
	lib/switch-view.c \
	lib/switch-view.h \
	lib/text.c \
	lib/text.h \
	lib/vlan.c \
	lib/vlan.h \
	lib/vnic.c \
	lib/vnic.h
