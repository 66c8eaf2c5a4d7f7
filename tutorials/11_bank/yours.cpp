// yours.cpp: the bank of the exercise with the command line, to be explored, replayed and looked at.
#include "bank.hpp"

ORRERY_SCENARIO(deposits, "three customers pay in 100 each; the bank is the one of the exercise")
