# Tests that need a real kernel and FRR: each runs in a User-Mode Linux guest of its own.
#
# A line `# lab: ARGUMENTS` in lab/NAME.sh makes the entry lab.NAME.ARGUMENTS; there may be several. A
# line `# long: ARGUMENTS` makes long.NAME.ARGUMENTS, which tests/long runs and tests/run does not. A line
# `# alone: WHY` keeps other guests away meanwhile.
# Sanitizers do not run in the guest (its address space is too small for AddressSanitizer).

if(VTEPD_SANITIZE)
  return()
endif()
set(guest ${CMAKE_CURRENT_SOURCE_DIR}/lab/guest)

function(add_lab label name)
  set(limit 540)
  if(label STREQUAL long)
    set(limit 1500) # a whole group of interface files
  endif()
  math(EXPR ctest_limit "${limit} + 30")
  add_test(NAME ${label}.${name} COMMAND ${guest} -t ${limit} ${ARGN})
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT ${ctest_limit}
                       ENVIRONMENT VTEPD_BUILD=${PROJECT_BINARY_DIR})
endfunction()

file(GLOB scripts CONFIGURE_DEPENDS lab/*.sh)
list(REMOVE_ITEM scripts ${CMAKE_CURRENT_SOURCE_DIR}/lab/lab.sh) # what they share
foreach(script IN LISTS scripts)
  get_filename_component(name ${script} NAME_WE)
  file(STRINGS ${script} runs REGEX "^# (lab|long):")
  if(NOT runs)
    message(FATAL_ERROR "${script} has no `# lab:` line and would never run")
  endif()
  foreach(run IN LISTS runs)
    string(REGEX MATCH "lab|long" label "${run}")
    string(REGEX REPLACE "^# (lab|long): *" "" arguments "${run}")
    string(REPLACE " " "-" suffix "${arguments}")
    separate_arguments(arguments)
    add_lab(${label} ${name}.${suffix} ${script} ${arguments})
    file(STRINGS ${script} alone REGEX "^# alone:")
    if(alone)
      set_tests_properties(${label}.${name}.${suffix} PROPERTIES RUN_SERIAL TRUE)
    endif()
    file(STRINGS ${script} uses_ifupdown2 REGEX "^ifupdown2=")
    foreach(frr frr10 frr-next)
      if(arguments MATCHES "${frr}")
        set_tests_properties(${label}.${name}.${suffix} PROPERTIES FIXTURES_REQUIRED ${frr})
      endif()
    endforeach()
    if(uses_ifupdown2)
      set_tests_properties(${label}.${name}.${suffix} PROPERTIES FIXTURES_REQUIRED ifupdown2)
    endif()
  endforeach()
endforeach()

# The one that vtepd is compared with, and the FRR of Debian 13 and of the Debian after it, are no installed
# packages: see the tools.
function(add_fetched label package tool)
  add_test(NAME ${label}.fetch-${package} COMMAND tools/${tool} ${PROJECT_BINARY_DIR}/${package} ${ARGN}
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(${label}.fetch-${package} PROPERTIES LABELS ${label} TIMEOUT 400 FIXTURES_SETUP ${package})
endfunction()
add_fetched(lab ifupdown2 fetch-ifupdown2)
add_fetched(lab frr10 fetch-frr trixie)
add_fetched(long frr-next fetch-frr forky)

foreach(source IN LISTS contract_sources)
  get_filename_component(name ${source} NAME_WE)
  add_lab(lab contract.${name} $<TARGET_FILE:${name}> real)
endforeach()

# The benchmarks' smallest sizes: that they run, and that the peers make one and the same state.
add_executable(bench_floor bench/floor.cpp)
target_link_libraries(bench_floor PRIVATE vtepd_warnings PkgConfig::MNL)
add_executable(bench_asic bench/asic.cpp)
target_link_libraries(bench_asic PRIVATE vtepd_warnings vtepd_hwsync)
add_test(NAME lab.bench.tiny COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/bench/run --tiny)
set_tests_properties(lab.bench.tiny PROPERTIES LABELS lab TIMEOUT 600
                     ENVIRONMENT VTEPD_BUILD=${PROJECT_BINARY_DIR})

# What vtepd endures: kills at any instant, faults behind its back, floods, hours. Small in a guest; at full size in
# namespaces of this machine (root, a kernel with vxlan), the hour and the 200,000 changes with AddressSanitizer.
set(endure ${CMAKE_CURRENT_SOURCE_DIR}/endure)
add_library(asic_vandal SHARED endure/asic_vandal.cpp)
target_link_libraries(asic_vandal PRIVATE vtepd_warnings vtepd_core softsai Threads::Threads)
add_lab(lab endure.crash ${endure}/crash.py 2 ${PROJECT_BINARY_DIR})
add_lab(lab endure.inject ${endure}/inject.py --asic 100 ${PROJECT_BINARY_DIR})
add_lab(lab endure.floods ${endure}/floods.py --asic 5 ${PROJECT_BINARY_DIR} sai)
set(VTEPD_SOAK_SECONDS 3600 CACHE STRING "seconds of long.endure.soak")
set(asan ${PROJECT_SOURCE_DIR}/build/asan)
add_test(NAME long.endure.crash COMMAND ${endure}/crash.py 1000 ${PROJECT_BINARY_DIR})
add_test(NAME long.endure.inject COMMAND ${endure}/inject.py 10000 ${PROJECT_BINARY_DIR})
add_lab(long endure.inject-asic ${endure}/inject.py --asic 2000 ${PROJECT_BINARY_DIR})
add_test(NAME long.endure.floods COMMAND ${endure}/floods.py 20 ${PROJECT_BINARY_DIR})
add_test(NAME long.endure.soak COMMAND ${endure}/soak.py ${VTEPD_SOAK_SECONDS} ${asan} ${PROJECT_BINARY_DIR})
add_test(NAME long.endure.operations COMMAND ${endure}/soak.py --operations 200000 0 ${asan} ${PROJECT_BINARY_DIR})
set_tests_properties(long.endure.crash long.endure.inject long.endure.floods long.endure.soak long.endure.operations
                     PROPERTIES LABELS long TIMEOUT 10800 RUN_SERIAL TRUE)
add_test(NAME long.endure.build COMMAND ${PROJECT_SOURCE_DIR}/tests/tools/build asan vtepd vtepd-relay)
set_tests_properties(long.endure.build PROPERTIES LABELS long TIMEOUT 3600 FIXTURES_SETUP asan)
set_tests_properties(long.endure.soak long.endure.operations PROPERTIES FIXTURES_REQUIRED asan)

# The Debian packages, in a Debian 12 of their own; needs root and where apt has its packages from.
add_test(NAME long.packages COMMAND tools/check-packages ${PROJECT_BINARY_DIR}
         WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(long.packages PROPERTIES LABELS long TIMEOUT 900)

# The packages under a real systemd: a Debian 12 of their own, booted with systemd as init.
add_test(NAME long.service COMMAND service/run ${PROJECT_BINARY_DIR}
         WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(long.service PROPERTIES LABELS long TIMEOUT 1200 RUN_SERIAL TRUE)
set_tests_properties(long.packages long.service PROPERTIES RESOURCE_LOCK packages)

# What Prometheus says of the metrics and the alert rules; fetches promtool.
add_test(NAME long.metrics COMMAND tools/check-metrics ${PROJECT_BINARY_DIR}
         WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(long.metrics PROPERTIES LABELS long TIMEOUT 300)
