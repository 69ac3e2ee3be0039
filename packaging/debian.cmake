# debian.cmake: `cpack -G DEB` makes raft-key-value, raft-key-value-plugin-NAME for each plugin, and raft-key-value-dev.
get_property(plugins GLOBAL PROPERTY RKV_PLUGINS)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME raft-key-value)
set(CPACK_PACKAGE_CONTACT "The raft-key-value authors <maintainers@raft-key-value.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${CPACK_PACKAGE_CONTACT}")
set(CPACK_SOURCE_DIR_OF_PACKAGE ${PROJECT_SOURCE_DIR})
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/debian-finish.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_COMPONENTS_ALL host dev)

# A server finds plugins of its ABI only, whoever made them: like apache2-api-* this is a virtual package.
set(abi rkv-abi-${RKV_ABI_MAJOR})
set(names raft-key-value-plugin-transport-grpc raft-key-value-plugin-storage-mem raft-key-value-plugin-sm-protobuf)
list(JOIN names ", " defaults)

set(CPACK_DEBIAN_HOST_PACKAGE_NAME raft-key-value)
set(CPACK_DEBIAN_HOST_PACKAGE_PROVIDES ${abi})
set(CPACK_DEBIAN_HOST_PACKAGE_RECOMMENDS "${defaults}")
set(CPACK_DEBIAN_HOST_PACKAGE_SUGGESTS "raft-key-value-plugin-storage-wal, raft-key-value-dev")
set(CPACK_COMPONENT_HOST_DESCRIPTION "replicated key-value server assembled from plugins
A small host loads a transport, a log storage and a state machine, each named
in an INI file, and runs one Raft node over them. This package has the server
and rkvctl, the client for people and scripts.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME raft-key-value-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
# What the skeletons' Makefile runs.
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS
  "raft-key-value, gcc | c-compiler, libc6-dev | libc-dev, make, pkgconf | pkg-config")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "cmake, gdb")
set(CPACK_COMPONENT_DEV_DESCRIPTION "plugin development for raft-key-value
Headers of the plugin ABI, its pkg-config and CMake files, a library of parts
for durable storages, a skeleton of each kind of plugin, and rkv-contract, which tells whether a plugin keeps the
contract of its kind.")

foreach(plugin ${plugins})
  string(TOUPPER ${plugin} upper)
  list(APPEND CPACK_COMPONENTS_ALL plugin-${plugin})
  set(CPACK_DEBIAN_PLUGIN-${upper}_PACKAGE_NAME raft-key-value-plugin-${plugin})
  set(CPACK_DEBIAN_PLUGIN-${upper}_PACKAGE_DEPENDS ${abi})
  get_property(about GLOBAL PROPERTY RKV_PLUGIN_${plugin})
  set(CPACK_COMPONENT_PLUGIN-${upper}_DESCRIPTION "${plugin} plugin of raft-key-value\n${about}")
endforeach()
include(CPack)
