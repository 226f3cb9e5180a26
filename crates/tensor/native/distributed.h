// Workers in several processes, through libtorch's own c10d, behind a C interface; conventions as in `shim.h`.
#pragma once
#include "shim.h"

extern "C" {
struct AeStore;
struct AeGroup;

// The store where the workers meet, at `host:port`; whoever `hosts` it listens there. Keys begin with `prefix`.
char* ae_store_open(const char* host, int port, int hosts, const char* prefix, int64_t timeout_ms, AeStore** out);
// A further connection to the same store.
char* ae_store_clone(AeStore* store, AeStore** out);
char* ae_store_set(AeStore* store, const char* key, const char* value);
// The value of a key, to be freed with `ae_free_message`, or null if there is none; does not wait.
char* ae_store_get(AeStore* store, const char* key, char** value);
void ae_store_free(AeStore* store);

// Connects to all other workers; `interface` is a network interface, empty for one that the machine's name is bound to,
// or a host name or address of this machine that begins with `@`.
char* ae_group_join(AeStore* store, int rank, int size, const char* interface, int64_t timeout_ms, AeGroup** out);
// Adds up a contiguous CPU tensor over all workers, in place; each gets the same bits.
char* ae_group_sum(AeGroup* group, Tensor* tensor);
// Gives every worker the tensor of worker 0.
char* ae_group_broadcast(AeGroup* group, Tensor* tensor);
void ae_group_free(AeGroup* group);
}
