# OpenFlow: flows as data, their difference, and the connection to a bridge.
noinst_LIBRARIES += flows/libvnic-flows.a
flows_libvnic_flows_a_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CPPFLAGS)
flows_libvnic_flows_a_SOURCES = \
	flows/channel.c \
	flows/channel.h \
	flows/flow-diff.c \
	flows/flow-diff.h \
	flows/flow-msg.c \
	flows/flow-msg.h \
	flows/flow-space.c \
	flows/flow-space.h \
	flows/flow-table.c \
	flows/flow-table.h \
	flows/ofconn.c \
	flows/ofconn.h \
	flows/port-conn.c \
	flows/port-conn.h \
	flows/port-table.c \
	flows/port-table.h \
	flows/tables.c \
	flows/tables.h
