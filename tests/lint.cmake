# Checks of the sources themselves; none of them runs the product.

set(tools ${CMAKE_CURRENT_SOURCE_DIR}/tools)
set(folders include/vtepd netlink evpn hwsync agent)

function(add_lint name)
  add_test(NAME lint.${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(lint.${name} PROPERTIES LABELS lint TIMEOUT 120)
endfunction()

add_lint(layering ${tools}/layering .)
add_lint(layering-notices-a-breach ${tools}/layering --self-test)
add_lint(format ${tools}/format --check)
add_lint(shell ${tools}/check-shell)
add_lint(events ${tools}/check-events)
add_lint(manual ${tools}/check-manual)
add_lint(mutants ${CMAKE_CURRENT_SOURCE_DIR}/mutants/run --check)
add_lint(systemd ${tools}/check-units ${PROJECT_SOURCE_DIR}/systemd)

# Every header compiles alone. A source file that includes its own header first shows that; each other
# header gets a source file that includes only it.
set(header_sources "")
foreach(folder IN LISTS folders)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
       ${PROJECT_SOURCE_DIR}/${folder}/*.h)
  foreach(header IN LISTS headers)
    string(REGEX REPLACE "h$" "cpp" own_source ${PROJECT_SOURCE_DIR}/${header})
    if(EXISTS ${own_source})
      file(STRINGS ${own_source} first_include LIMIT_COUNT 1 REGEX "^#include")
      if(first_include STREQUAL "#include \"${header}\"")
        continue()
      endif()
    endif()
    string(MAKE_C_IDENTIFIER ${header} identifier)
    string(REGEX REPLACE "^include/" "" included ${header})
    set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${identifier}.cpp)
    file(GENERATE OUTPUT ${source} CONTENT "#include \"${included}\"\n#include \"${included}\"\n")
    list(APPEND header_sources ${source})
  endforeach()
endforeach()
add_library(header_check OBJECT EXCLUDE_FROM_ALL ${header_sources})
target_compile_options(header_check PRIVATE -O0 -g0)
set_target_properties(header_check PROPERTIES UNITY_BUILD OFF)
target_link_libraries(header_check PRIVATE vtepd_core vtepd_warnings ${libraries})
add_lint(every-header-compiles-alone ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR}
         --target header_check)
set_tests_properties(lint.every-header-compiles-alone PROPERTIES PROCESSORS 2 TIMEOUT 600)

add_lint(tidy ${tools}/tidy ${PROJECT_BINARY_DIR})
set_tests_properties(lint.tidy PROPERTIES LABELS "lint;slow" PROCESSORS 2 TIMEOUT 2400)
