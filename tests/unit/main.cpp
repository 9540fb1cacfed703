// The entry point of unit_tests; Catch2 writes it. Every tests/unit/*_test.cpp is linked in.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
