# OpenFlow: the pipeline, flows as data, their difference, and the connections
# to a bridge.
noinst_LIBRARIES += flows/libvnic-flows.a
flows_libvnic_flows_a_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CPPFLAGS)
flows_libvnic_flows_a_SOURCES = \
	flows/announcement.c \
	flows/announcement.h \
	flows/channel.c \
	flows/channel.h \
	flows/counters.c \
	flows/counters.h \
	flows/dp-ports.c \
	flows/dp-ports.h \
	flows/entitlement.c \
	flows/entitlement.h \
	flows/fate.c \
	flows/fate.h \
	flows/flow-change.c \
	flows/flow-change.h \
	flows/flow-diff.c \
	flows/flow-diff.h \
	flows/flow-msg.c \
	flows/flow-msg.h \
	flows/flow-space.c \
	flows/flow-space.h \
	flows/flow-table.c \
	flows/flow-table.h \
	flows/membership-query.c \
	flows/membership-query.h \
	flows/ofconn.c \
	flows/ofconn.h \
	flows/packet-flow.c \
	flows/packet-flow.h \
	flows/pipeline-address.c \
	flows/pipeline-change.c \
	flows/pipeline-classify.c \
	flows/pipeline-deliver.c \
	flows/pipeline-flow.c \
	flows/pipeline-forward.c \
	flows/pipeline-guard.c \
	flows/pipeline-learn.c \
	flows/pipeline-private.h \
	flows/pipeline-service.c \
	flows/pipeline.c \
	flows/pipeline.h \
	flows/port-conn.c \
	flows/port-conn.h \
	flows/port-table.c \
	flows/port-table.h \
	flows/refusals.c \
	flows/refusals.h \
	flows/switch-control.c \
	flows/switch-control.h \
	flows/tables.c \
	flows/tables.h \
	flows/trace.c \
	flows/trace.h \
	flows/verifier.c \
	flows/verifier.h \
	flows/verify-plan.c \
	flows/verify-plan.h \
	flows/verify.c \
	flows/verify.h \
	flows/why-advice.c \
	flows/why-advice.h \
	flows/why.c \
	flows/why.h
