# The operator's command line: jansson alone, never libopenvswitch, whose
# json_* symbols are the same.
noinst_LIBRARIES += ctl/libvnic-ctl.a
ctl_libvnic_ctl_a_CPPFLAGS = $(BASE_CPPFLAGS) $(JANSSON_CFLAGS)
ctl_libvnic_ctl_a_SOURCES = \
	ctl/alloc.c \
	ctl/alloc.h \
	ctl/client.c \
	ctl/client.h \
	ctl/findings.c \
	ctl/findings.h \
	ctl/output.c \
	ctl/output.h

bin_PROGRAMS += ctl/vnicctl
ctl_vnicctl_CPPFLAGS = $(BASE_CPPFLAGS) $(JANSSON_CFLAGS)
ctl_vnicctl_SOURCES = ctl/vnicctl.c
ctl_vnicctl_LDADD = ctl/libvnic-ctl.a $(JANSSON_LIBS)
