# Unit tests (one program, one ctest entry per file) and contract tests against the fakes.

file(GLOB unit_sources CONFIGURE_DEPENDS unit/*_test.cpp)
file(GLOB fake_sources CONFIGURE_DEPENDS fake/*.cpp)

# Catch2's macros take minutes to optimise and gain nothing by it; what they test is optimised.
add_library(test_options INTERFACE)
target_compile_options(test_options INTERFACE -O0)
if(VTEPD_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # What guides the fuzzers is for what they call; here it takes a third of the time to compile.
  target_compile_options(test_options INTERFACE -fno-sanitize=fuzzer-no-link)
endif()

# Catch2's own main takes half a minute to compile: it is built once, whatever test changes.
add_library(catch_main OBJECT unit/main.cpp)
target_link_libraries(catch_main PRIVATE test_options)
# So are the fakes, for all that use them.
add_library(fakes OBJECT ${fake_sources})
target_link_libraries(fakes PRIVATE test_options vtepd_core vtepd_warnings ${libraries})
add_executable(unit_tests ${unit_sources} unit/documented.cpp unit/places.cpp)
target_link_libraries(unit_tests PRIVATE test_options catch_main fakes vtepd_core vtepd_warnings ${libraries}
                                         Threads::Threads ${CMAKE_DL_LIBS})
set_source_files_properties(unit/places.cpp PROPERTIES COMPILE_DEFINITIONS
  "VTEPD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\";VTEPD_BINARY_DIR=\"${PROJECT_BINARY_DIR}\"")
# Compiled by themselves: their C headers do not go with those of others.
set_source_files_properties(unit/sai_abi_test.cpp unit/netlink_underlay_test.cpp
                            PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)

foreach(source IN LISTS unit_sources)
  get_filename_component(file ${source} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${file})
  # A file without test cases fails (NoTests) instead of passing unseen.
  add_test(NAME unit.${name}
           COMMAND unit_tests --filenames-as-tags --warn NoTests --durations no "[#${file}]")
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 600) # against a hang
endforeach()

file(GLOB contract_sources CONFIGURE_DEPENDS contract/*.cpp)
foreach(source IN LISTS contract_sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE test_options fakes vtepd_core vtepd_warnings ${libraries}
                                        Threads::Threads ${CMAKE_DL_LIBS})
  add_test(NAME contract.${name}.fake COMMAND ${name} fake)
  set_tests_properties(contract.${name}.fake PROPERTIES LABELS contract TIMEOUT 120)
endforeach()

# Whether the tests of the scenarios fail without their fixes.
add_test(NAME long.mutants COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mutants/run)
set_tests_properties(long.mutants PROPERTIES LABELS long TIMEOUT 7200 PROCESSORS 2)
