# VNICD_OVS
# ---------
# Finds a configured and built Open vSwitch source tree, whose libopenvswitch
# and private headers the agent uses, and sets OVS_CPPFLAGS and OVS_LIBS.
#
# With --with-ovs-source=DIR that tree is DIR.  Otherwise it is made from the
# tarball of Debian's openvswitch-source package, once, by build-aux/build-ovs
# in a cache outside the source and build trees.
#
# The configuration macros of the library are part of its ABI.  They reach our
# config.h as "ovs-config.h": a copy without the names that describe the
# Open vSwitch package itself.
AC_DEFUN([VNICD_OVS], [
    AC_ARG_WITH([ovs-source],
        [AS_HELP_STRING([--with-ovs-source=DIR],
            [configured and built Open vSwitch source tree
             [made from the openvswitch-source package]])],
        [AS_CASE(["$withval"],
            [yes|no], [AC_MSG_ERROR([--with-ovs-source needs a directory])])
         OVS_SOURCE=$withval],
        [AC_MSG_NOTICE([Open vSwitch: using the openvswitch-source package])
         OVS_SOURCE=$(CC="$CC" "$srcdir/build-aux/build-ovs") ||
             AC_MSG_ERROR([libopenvswitch could not be built (see above)])])
    AC_MSG_CHECKING([for libopenvswitch])
    AS_IF([test -d "$OVS_SOURCE"], [],
        [AC_MSG_ERROR([no such directory: $OVS_SOURCE])])
    OVS_SOURCE=$(cd "$OVS_SOURCE" && pwd)
    for f in config.h lib/vswitch-idl.h lib/.libs/libopenvswitch.a; do
        AS_IF([test -e "$OVS_SOURCE/$f"], [],
            [AC_MSG_ERROR([$OVS_SOURCE has no $f: configure and make it])])
    done
    AC_MSG_RESULT([$OVS_SOURCE])
    OVS_CPPFLAGS="-isystem $OVS_SOURCE/include -isystem $OVS_SOURCE/lib \
-isystem $OVS_SOURCE"
    # What the library itself needs is in its libtool archive; the archives
    # named there are static ones beside it.
    OVS_LIBS="$OVS_SOURCE/lib/.libs/libopenvswitch.a $(
        $SED -n "s/^dependency_libs='\(.*\)'/\1/p" \
            "$OVS_SOURCE/lib/libopenvswitch.la" |
        $SED 's|\(@<:@^ @:>@*\)/\(@<:@^ /@:>@*\)\.la|\1/.libs/\2.a|g') -lpthread"
    AC_SUBST([OVS_SOURCE])
    AC_SUBST([OVS_CPPFLAGS])
    AC_SUBST([OVS_LIBS])
    AC_CONFIG_COMMANDS([ovs-config.h],
        [grep -Ev '^#define (PACKAGE|PACKAGE_@<:@A-Z@:>@+|VERSION) ' \
             "$OVS_SOURCE/config.h" > ovs-config.h.tmp
         cmp -s ovs-config.h.tmp ovs-config.h ||
             cp ovs-config.h.tmp ovs-config.h
         rm -f ovs-config.h.tmp],
        [OVS_SOURCE='$OVS_SOURCE'])
])
