// sim_main.cpp: main() for any set of scenarios. A program that has none of its own gets this one.
#include "tool_main.hpp"

int main(int argc, char** argv) { return asyncio::sim::tool_main(argc, argv); }
