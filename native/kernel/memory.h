/* Memory for vectors: aligned to 64 bytes, zero at first. */
#ifndef FLOWEXPORT_MEMORY_H
#define FLOWEXPORT_MEMORY_H

#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <malloc.h>
static inline void *aligned_new(size_t bytes) {
  void *memory = _aligned_malloc(bytes, 64);
  return memory ? memset(memory, 0, bytes) : NULL;
}
static inline void aligned_delete(void *memory) { _aligned_free(memory); }
#else
static inline void *aligned_new(size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  void *memory = aligned_alloc(64, bytes);
  return memory ? memset(memory, 0, bytes) : NULL;
}
static inline void aligned_delete(void *memory) { free(memory); }
#endif

#endif
