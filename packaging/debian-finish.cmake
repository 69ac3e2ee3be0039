# debian-finish.cmake: run by cpack before it packs; gives each package its copyright and changelog and compresses what
# Debian wants compressed, so that a plain `cmake --install` stays plain.
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(GLOB roots LIST_DIRECTORIES true ${CPACK_TEMPORARY_DIRECTORY}/*)
foreach(root ${roots})
  if(NOT IS_DIRECTORY ${root}/usr)
    continue()
  endif()
  get_filename_component(component ${root} NAME)
  string(REGEX REPLACE "-host$" "" package raft-key-value-${component})
  set(doc ${root}/usr/share/doc/${package})
  file(COPY_FILE ${CPACK_SOURCE_DIR_OF_PACKAGE}/packaging/copyright ${root}/copyright)
  file(MAKE_DIRECTORY ${doc})
  file(RENAME ${root}/copyright ${doc}/copyright)
  file(COPY_FILE ${CPACK_SOURCE_DIR_OF_PACKAGE}/CHANGELOG.md ${doc}/changelog)
  file(REMOVE ${doc}/CHANGELOG.md ${doc}/LICENSE ${doc}/LICENSE-MIT ${doc}/LICENSE-APACHE) # copyright says it
  file(WRITE ${doc}/changelog.Debian "raft-key-value (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) bookworm; urgency=medium

  * changelog.gz says what changed.

 -- ${CPACK_PACKAGE_CONTACT}  ${now}
")
  if(component STREQUAL dev) # the guide is where people look for it, too
    file(CREATE_LINK ../raft-key-value/writing-a-plugin.md ${doc}/writing-a-plugin.md SYMBOLIC)
  endif()
  file(GLOB_RECURSE pages ${root}/usr/share/man/*)
  execute_process(COMMAND gzip -9n ${doc}/changelog ${doc}/changelog.Debian ${pages} COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD_RECURSE ${doc} FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
    DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
