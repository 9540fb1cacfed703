# Fuzz targets: libFuzzer over the codecs and the parser, each for a bounded time.

if(NOT (VTEPD_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)) # libFuzzer is clang's
  return()
endif()
set(VTEPD_FUZZ_SECONDS 20 CACHE STRING "How long each fuzz target runs under ctest")

file(GLOB fuzz_sources CONFIGURE_DEPENDS fuzz/fuzz_*.cpp)
foreach(source IN LISTS fuzz_sources)
  get_filename_component(target ${source} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" name ${target})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE vtepd_core vtepd_warnings ${libraries} Threads::Threads)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)

  # What is found is kept in the build folder; the seeds in the source tree are only read.
  set(found ${CMAKE_CURRENT_BINARY_DIR}/corpus/${name})
  set(seeds ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  if(NOT EXISTS ${seeds})
    message(FATAL_ERROR "${source} has no seeds: put at least one into ${seeds}")
  endif()
  add_test(NAME fuzz.${name}
           COMMAND ${target} -max_total_time=${VTEPD_FUZZ_SECONDS} -timeout=5 -rss_limit_mb=2048
                   -print_final_stats=1 -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/${name}-
                   ${found} ${seeds})
  math(EXPR limit "${VTEPD_FUZZ_SECONDS} + 160")
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT ${limit})
endforeach()
