// Catch2's main for the tests of the tile language.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
