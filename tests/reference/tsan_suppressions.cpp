// tsan_suppressions.cpp: what ThreadSanitizer takes for a race and is none.
//
// An exception that goes from one thread to another is freed by whichever lets go of it last. They agree on that by
// a counter inside libstdc++, which is not instrumented; so all that ThreadSanitizer sees is that one thread frees what
// the other has read. The function is its own hook, and nobody calls it in other builds.

extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions() {
  return "race:asyncio::text_of\n";  // reads what an exception says, and nothing else
}
