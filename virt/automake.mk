# libvirt: the connection, and XML to model.
noinst_LIBRARIES += virt/libvnic-virt.a
virt_libvnic_virt_a_CPPFLAGS = \
	$(AM_CPPFLAGS) $(LIBVIRT_CFLAGS) $(LIBXML2_CFLAGS)
virt_libvnic_virt_a_SOURCES = \
	virt/domain-poll.c \
	virt/domain-poll.h \
	virt/domain-xml.c \
	virt/domain-xml.h \
	virt/metadata-node.c \
	virt/metadata-node.h \
	virt/metadata-policy.c \
	virt/metadata-policy.h \
	virt/metadata-xml.c \
	virt/metadata-xml.h \
	virt/network-poll.c \
	virt/network-poll.h \
	virt/network-xml.c \
	virt/network-xml.h \
	virt/port-xml.c \
	virt/port-xml.h \
	virt/read-queue.c \
	virt/read-queue.h \
	virt/virt-call.c \
	virt/virt-call.h \
	virt/virt-conn.c \
	virt/virt-conn.h \
	virt/virt-link.c \
	virt/virt-link.h \
	virt/virt-marks.c \
	virt/virt-marks.h \
	virt/xml.c \
	virt/xml.h
