# Debian packages, by `cpack` in the build folder:
#   vtepd       the daemons, vtepctl, units, man pages, settings
#   libsoftsai  the SAI library in software
#   vtepd-dev   the headers of include/vtepd: the tables' rows, and the seams to kernel and ASIC
# What a package needs of libraries is found by dpkg-shlibdeps.

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON) # what was built is packed; nothing is built for it
set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON) # settings lie below /etc, whatever the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "The vtepd developers <vtepd@localhost>")
set(CPACK_COMPONENTS_ALL vtepd libsoftsai dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "")

set(here ${CMAKE_CURRENT_LIST_DIR})
set(CPACK_DEBIAN_VTEPD_DESCRIPTION "Makes the kernel's bridge, vxlan and neighbour tables what the interface files
and FRR's bgpd say they must be, and the switch ASIC's tables what the
kernel's are. vtepctl shows all of it, layer beside layer.")
set(CPACK_DEBIAN_VTEPD_PACKAGE_NAME vtepd)
set(CPACK_DEBIAN_VTEPD_PACKAGE_DEPENDS "libsoftsai (= ${PROJECT_VERSION}), systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_VTEPD_PACKAGE_RECOMMENDS "frr (>= 8.4), iproute2")
set(CPACK_DEBIAN_VTEPD_PACKAGE_CONTROL_EXTRA
    ${here}/conffiles ${here}/postinst ${here}/prerm ${here}/postrm)

set(CPACK_DEBIAN_LIBSOFTSAI_DESCRIPTION "SAI library that is a switch in software.
Validates all objects as an ASIC's library would and, with wires in its
profile, forwards. For switches without an ASIC, and for tests.")
set(CPACK_DEBIAN_LIBSOFTSAI_PACKAGE_NAME libsoftsai)
set(CPACK_DEBIAN_LIBSOFTSAI_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBSOFTSAI_PACKAGE_CONTROL_EXTRA ${here}/triggers)

set(CPACK_DEBIAN_DEV_DESCRIPTION "Headers of vtepd's tables and seams.
The rows of the kernel's tables and of EVPN's routes as C++ values, the
reconciler, and the seam to the kernel.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME vtepd-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libboost1.81-dev, libfmt-dev")

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/vtepd DESTINATION include COMPONENT dev)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/vtepd RENAME copyright COMPONENT vtepd)
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION share/doc/vtepd COMPONENT vtepd)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/monitoring DESTINATION share/doc/vtepd COMPONENT vtepd)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/libsoftsai RENAME copyright
        COMPONENT libsoftsai)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/vtepd-dev RENAME copyright COMPONENT dev)

include(CPack)
