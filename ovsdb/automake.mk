# OVSDB: the IDL connection, rows to facts, the port plan and its execution.
noinst_LIBRARIES += ovsdb/libvnic-ovsdb.a
ovsdb_libvnic_ovsdb_a_SOURCES = \
	ovsdb/bridge-plan.c \
	ovsdb/bridge-plan.h \
	ovsdb/ovs-view.c \
	ovsdb/ovs-view.h \
	ovsdb/ovsdb-conn.c \
	ovsdb/ovsdb-conn.h \
	ovsdb/ovsdb-remote.c \
	ovsdb/ovsdb-remote.h \
	ovsdb/planner.c \
	ovsdb/planner.h \
	ovsdb/port-apply.c \
	ovsdb/port-apply.h \
	ovsdb/port-op.c \
	ovsdb/port-op.h \
	ovsdb/port-plan.c \
	ovsdb/port-plan.h
