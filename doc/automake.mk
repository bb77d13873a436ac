# Manual pages, and the way through the house for those who read the code.
nodist_man_MANS += doc/vnicd.8 doc/vnicctl.8 doc/vnicd-hook.8
EXTRA_DIST += doc/vnicd.8.in doc/vnicctl.8.in doc/vnicd-hook.8.in \
	doc/architecture.md doc/hook-protocol.md
CLEANFILES += doc/vnicd.8 doc/vnicctl.8 doc/vnicd-hook.8

doc/vnicd.8: doc/vnicd.8.in
doc/vnicctl.8: doc/vnicctl.8.in
doc/vnicd-hook.8: doc/vnicd-hook.8.in
doc/vnicd.8 doc/vnicctl.8 doc/vnicd-hook.8: Makefile
	@$(MKDIR_P) doc
	$(SUBSTITUTE) $(srcdir)/$@.in > $@.tmp && mv $@.tmp $@
