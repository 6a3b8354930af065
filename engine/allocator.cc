// jemalloc's settings: four arenas are enough for the few threads that allocate, and pages that are
// not used go back soon.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "narenas:4,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,thp:never";
}
